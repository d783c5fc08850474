// SPDX-License-Identifier: Apache-2.0
#include <bpf/libbpf.h>
#include <linux/if_link.h>

#include "net/rtnetlink.h"
#include "unit/xdp_fixture.h"

namespace turnpike::fastpath {
namespace {

class AttachTest : public XdpTest {
 protected:
  static bpf_xdp_query_opts query(const char* interface = "tp0") {
    LIBBPF_OPTS(bpf_xdp_query_opts, query);
    EXPECT_EQ(bpf_xdp_query(static_cast<int>(if_nametoindex(interface)), 0, &query), 0);
    return query;
  }
  static unsigned attach_mode(const char* interface = "tp0") { return query(interface).attach_mode; }
  static std::string pin(const char* interface = "tp0") {
    return std::string(kPins) + "/link-" + std::to_string(if_nametoindex(interface));
  }
  static uint32_t link_id(const char* interface = "tp0") {
    const UniqueFd link(bpf_obj_get(pin(interface).c_str()));
    bpf_link_info info{};
    uint32_t size = sizeof info;
    EXPECT_EQ(bpf_obj_get_info_by_fd(link.get(), &info, &size), 0) << pin(interface);
    return info.id;
  }
  InterfaceStatus status() {
    const auto all = fast_path_->interfaces();
    EXPECT_EQ(all.size(), 1u);
    return all.empty() ? InterfaceStatus{} : all.front();
  }
  // Sends about a thousand packets a second out of tp0 while it lives, as other software on the host does.
  class Flood {
   public:
    Flood()
        : socket_(udp_socket(endpoint("192.0.2.1:7000"), false)), sender_([this](const std::stop_token& end) {
            while (!end.stop_requested()) {
              send(socket_, endpoint("192.0.2.2:7000"), "flood");
              std::this_thread::sleep_for(std::chrono::milliseconds(1));
            }
          }) {}

   private:
    UniqueFd socket_;
    std::jthread sender_;
  };
  // tp0 becomes tp7; before Linux 6.2 it has to be down for that.
  static void rename() {
    run("ip link set tp0 down");
    run("ip link set tp0 name tp7");
    run("ip link set tp7 up");
  }
  // A program that passes everything, attached by somebody else.
  static UniqueFd attach_another() {
    const bpf_insn code[] = {{BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, XDP_PASS},
                             {BPF_JMP | BPF_EXIT, 0, 0, 0, 0}};
    UniqueFd program(bpf_prog_load(BPF_PROG_TYPE_XDP, "tp_other", "GPL", code, 2, nullptr));
    EXPECT_TRUE(program);
    EXPECT_EQ(
        bpf_xdp_attach(static_cast<int>(if_nametoindex("tp0")), program.get(), XDP_FLAGS_SKB_MODE, nullptr),
        0);
    return program;
  }
};

TEST_F(AttachTest, IsNativeWhenThePeerReceivesWhatXdpSends) {
  set_peer_gro(true);
  start();
  EXPECT_EQ(status().mode, Mode::kNative) << status().reason;
  EXPECT_EQ(status().name, "tp0");
  EXPECT_EQ(status().driver, "veth");
  EXPECT_EQ(status().reason, "");
  EXPECT_EQ(attach_mode(), XDP_ATTACHED_DRV);
  EXPECT_TRUE(std::filesystem::exists(pin()));
}

TEST_F(AttachTest, FallsBackToGenericWhenNothingIsTransmitted) {
  set_peer_gro(false);
  start();
  EXPECT_EQ(status().mode, Mode::kGeneric);
  EXPECT_NE(status().reason.find("the peer of this veth has neither GRO nor an XDP program"),
            std::string::npos)
      << status().reason;
  EXPECT_EQ(status().remedy, "on the peer: ethtool -K PEER gro on");
  EXPECT_EQ(attach_mode(), XDP_ATTACHED_SKB);
}

TEST_F(AttachTest, IsNotMisledByWhatOthersSend) {
  const Flood flood;
  set_peer_gro(false);
  start();
  EXPECT_EQ(status().mode, Mode::kGeneric);
  EXPECT_NE(status().reason.find("the peer of this veth"), std::string::npos) << status().reason;
  stop();
  set_peer_gro(true);
  start();
  EXPECT_EQ(status().mode, Mode::kNative) << status().reason;
}

TEST_F(AttachTest, TellsWhatTheDriverSaidWhenItRefuses) {
  run("ip link set tp0 mtu 9000");
  in_peer("ip link set tp1 mtu 9000");
  start();
  EXPECT_EQ(status().mode, Mode::kGeneric);
  EXPECT_NE(status().reason.find("MTU"), std::string::npos) << status().reason;
  EXPECT_NE(status().remedy.find("mtu 1500"), std::string::npos) << status().remedy;
}

TEST_F(AttachTest, FallsBackToGenericOnAnInterfaceThatIsDown) {
  run("ip link set tp0 down");
  start();
  EXPECT_EQ(status().mode, Mode::kGeneric);
  EXPECT_NE(status().reason.find("down"), std::string::npos) << status().reason;
}

TEST_F(AttachTest, NeverPushesAnotherProgramOut) {
  const UniqueFd other = attach_another();
  start();
  EXPECT_EQ(status().mode, Mode::kOff);
  EXPECT_NE(status().reason.find("tp_other"), std::string::npos) << status().reason;
  EXPECT_NE(status().remedy.find("[fastpath] interfaces"), std::string::npos);
  stop();
  EXPECT_EQ(attach_mode(), XDP_ATTACHED_SKB);
}

TEST_F(AttachTest, FailsWhenTheDemandedModeIsRefused) {
  set_peer_gro(false);
  options_.mode = Mode::kNative;
  const auto created = create();
  ASSERT_FALSE(created);
  EXPECT_EQ(created.error().code, ErrorCode::kUnsupported);
  EXPECT_NE(created.error().message.find("gro on"), std::string::npos) << created.error().message;
  EXPECT_EQ(attach_mode(), XDP_ATTACHED_NONE);
}

TEST_F(AttachTest, IsGenericOrOffOnDemand) {
  set_peer_gro(true);
  options_.mode = Mode::kGeneric;
  start();
  EXPECT_EQ(status().mode, Mode::kGeneric);
  stop();
  options_.mode = Mode::kOff;
  start();
  EXPECT_EQ(status().mode, Mode::kOff);
  EXPECT_EQ(attach_mode(), XDP_ATTACHED_NONE);
}

TEST_F(AttachTest, NamesAnInterfaceThatDoesNotExist) {
  options_.interfaces = {"tp9"};
  const auto created = create();
  ASSERT_FALSE(created);
  EXPECT_EQ(created.error().code, ErrorCode::kInvalid);
  EXPECT_NE(created.error().message.find("'tp9'"), std::string::npos);
}

TEST_F(AttachTest, FindsTheInterfacesOfItsAddresses) {
  options_.interfaces.clear();
  options_.local_addresses = {address("2001:db8::1"), address("127.0.0.1")};
  start();
  EXPECT_EQ(status().name, "tp0");
  stop();
  options_.local_addresses = {address("127.0.0.1")};
  start();
  EXPECT_TRUE(fast_path_->interfaces().empty());
}

TEST_F(AttachTest, FailsWhenTheDemandedModeHasNoInterface) {
  options_.interfaces.clear();
  options_.local_addresses = {address("127.0.0.1"), address("203.0.113.9")};
  for (const Mode mode : {Mode::kNative, Mode::kGeneric}) {
    options_.mode = mode;
    const auto created = create();
    ASSERT_FALSE(created);
    EXPECT_EQ(created.error().code, ErrorCode::kUnsupported);
    EXPECT_NE(created.error().message.find("carries 127.0.0.1, 203.0.113.9; name the interfaces"),
              std::string::npos)
        << created.error().message;
    stop();
  }
}

TEST_F(AttachTest, LeavesNothingBehind) {
  start();
  EXPECT_TRUE(std::filesystem::exists(std::string(kPins) + "/map-flows"));
  stop();
  EXPECT_FALSE(std::filesystem::exists("/run/tp"));
  EXPECT_EQ(attach_mode(), XDP_ATTACHED_NONE);
}

TEST_F(AttachTest, TakesOverTheLinkOfARelayThatWasKilled) {
  const pid_t child = fork();
  if (child == 0) {
    const auto created = create();
    _exit(created ? 0 : 1);  // as if killed: nothing is destroyed, the pins stay
  }
  int exit_status = 1;
  ASSERT_EQ(waitpid(child, &exit_status, 0), child);
  ASSERT_EQ(exit_status, 0);
  const auto before = query();
  const uint32_t link = link_id();
  start();
  EXPECT_NE(status().mode, Mode::kOff) << status().reason;
  EXPECT_EQ(attach_mode(), before.attach_mode);
  EXPECT_NE(query().prog_id, before.prog_id);
  EXPECT_EQ(link_id(), link);
}

class TakeoverTest : public AttachTest {
 protected:
  void SetUp() override {
    AttachTest::SetUp();
    set_peer_gro(true);
    start();
    ASSERT_EQ(status().mode, Mode::kNative) << status().reason;
  }
  static uint64_t transmitted() {
    return net::RouteReader::create()->link(if_nametoindex("tp0")).value().tx_packets;
  }
};

TEST_F(TakeoverTest, SendsNoTestPacketAgain) {
  const auto before = query();
  const uint32_t link = link_id();
  leave();
  EXPECT_EQ(query().prog_id, before.prog_id);
  const uint64_t sent = transmitted();
  start();
  EXPECT_LT(transmitted() - sent, 100u);  // a trial sends more than 256
  EXPECT_EQ(status().mode, Mode::kNative);
  EXPECT_EQ(status().reason, "");
  EXPECT_EQ(link_id(), link);
  EXPECT_NE(query().prog_id, before.prog_id);
  fast_path_->finish_takeover();
  EXPECT_EQ(attach_mode(), XDP_ATTACHED_DRV);
  stop();
  EXPECT_EQ(attach_mode(), XDP_ATTACHED_NONE);
}

TEST_F(TakeoverTest, FindsAnInterfaceThatWasRenamed) {
  const uint32_t link = link_id();
  leave();
  rename();
  options_.interfaces = {"tp7"};
  start();
  EXPECT_EQ(status().name, "tp7");
  EXPECT_EQ(link_id("tp7"), link);
}

TEST_F(TakeoverTest, AttachesAnewInAnotherMode) {
  const uint32_t link = link_id();
  leave();
  options_.mode = Mode::kGeneric;
  start();
  EXPECT_EQ(status().mode, Mode::kGeneric);
  EXPECT_EQ(attach_mode(), XDP_ATTACHED_SKB);
  EXPECT_NE(link_id(), link);
}

TEST_F(TakeoverTest, TakesNothingFromAnInterfaceThatIsAnother) {
  leave();
  const std::string old_pin = pin();
  run("ip link del tp0");
  add_link("tp0", "tp1", "192.0.2", "2001:db8:");
  set_peer_gro(true);
  start();
  EXPECT_EQ(status().mode, Mode::kNative) << status().reason;
  fast_path_->finish_takeover();
  EXPECT_TRUE(std::filesystem::exists(pin()));
  EXPECT_FALSE(std::filesystem::exists(old_pin));
}

TEST_F(TakeoverTest, EndsWhatIsNotWantedNow) {
  add_link("tp2", "tp3", "203.0.113", "2001:db8:3:");
  leave();
  options_.interfaces = {"tp2"};
  start();
  EXPECT_EQ(attach_mode("tp0"), XDP_ATTACHED_DRV);
  fast_path_->finish_takeover();
  EXPECT_EQ(attach_mode("tp0"), XDP_ATTACHED_NONE);
  EXPECT_NE(attach_mode("tp2"), XDP_ATTACHED_NONE);
}

TEST_F(TakeoverTest, LeavesWhatItFoundWhenAStartFails) {
  leave();
  options_.interfaces = {"tp0", "tp9"};
  EXPECT_FALSE(create());
  EXPECT_EQ(attach_mode(), XDP_ATTACHED_DRV);
}

class ChangingInterfacesTest : public AttachTest {
 protected:
  bool eventually_handled(const std::function<bool()>& condition) {
    return eventually([&] {
      fast_path_->handle_events();
      return condition();
    });
  }
};

TEST_F(ChangingInterfacesTest, OneThatIsDeletedComesBack) {
  set_peer_gro(true);
  start();
  run("ip link del tp0");
  EXPECT_TRUE(eventually_handled([&] { return status().mode == Mode::kOff; }));
  EXPECT_EQ(status().reason, "the interface is gone");
  add_link("tp0", "tp1", "192.0.2", "2001:db8:");
  set_peer_gro(true);
  EXPECT_TRUE(eventually_handled([&] { return status().mode != Mode::kOff; })) << status().reason;
  EXPECT_NE(attach_mode(), XDP_ATTACHED_NONE);
  EXPECT_TRUE(std::filesystem::exists(pin()));
}

TEST_F(ChangingInterfacesTest, OneThatIsRenamedGoesOn) {
  set_peer_gro(true);
  start();
  const uint32_t link = link_id();
  rename();
  EXPECT_TRUE(eventually_handled([&] { return status().name == "tp7"; }));
  EXPECT_NE(status().mode, Mode::kOff);
  EXPECT_EQ(link_id("tp7"), link);
}

TEST_F(ChangingInterfacesTest, TheAddressMoves) {
  add_link("tp2", "tp3", "203.0.113", "2001:db8:3:");
  options_.interfaces.clear();
  options_.local_addresses = {address("192.0.2.1")};
  start();
  ASSERT_EQ(status().name, "tp0");
  run("ip addr del 192.0.2.1/24 dev tp0");
  EXPECT_TRUE(eventually_handled([&] { return fast_path_->interfaces().empty(); }));
  EXPECT_EQ(attach_mode("tp0"), XDP_ATTACHED_NONE);
  run("ip addr add 192.0.2.1/24 dev tp2");
  EXPECT_TRUE(eventually_handled([&] {
    const auto all = fast_path_->interfaces();
    return all.size() == 1 && all.front().mode != Mode::kOff;
  }));
  EXPECT_EQ(status().name, "tp2");
  EXPECT_NE(attach_mode("tp2"), XDP_ATTACHED_NONE);
}

TEST_F(ChangingInterfacesTest, AreTriedOutAgainWhenTheLinkWasDown) {
  set_peer_gro(false);
  start();
  ASSERT_EQ(status().mode, Mode::kGeneric);
  for (const bool gro : {true, false}) {
    run("ip -n tp-peer link set tp1 down");
    run("ip -n tp-peer link set tp1 up");
    set_peer_gro(gro);
    const Mode expected = gro ? Mode::kNative : Mode::kGeneric;
    EXPECT_TRUE(eventually_handled([&] { return status().mode == expected; })) << status().reason;
    EXPECT_EQ(attach_mode(), gro ? XDP_ATTACHED_DRV : XDP_ATTACHED_SKB);
  }
}

TEST_F(ChangingInterfacesTest, AreTriedOutAgainWithAnotherMtu) {
  set_peer_gro(true);
  run("ip link set tp0 mtu 9000");
  in_peer("ip link set tp1 mtu 9000");
  start();
  ASSERT_EQ(status().mode, Mode::kGeneric);
  in_peer("ip link set tp1 mtu 1500");
  run("ip link set tp0 mtu 1500");
  EXPECT_TRUE(eventually_handled([&] { return status().mode == Mode::kNative; })) << status().reason;
}

TEST_F(ChangingInterfacesTest, AreTakenWhenAnotherProgramLeavesThem) {
  {
    const UniqueFd other = attach_another();
    start();
  }
  ASSERT_EQ(status().mode, Mode::kOff);
  run("ip link set dev tp0 xdpgeneric off");
  EXPECT_TRUE(eventually_handled([&] { return status().mode != Mode::kOff; })) << status().reason;
}

class DispatcherTest : public AttachTest {
 protected:
  void SetUp() override {
    AttachTest::SetUp();
    set_peer_gro(true);
    options_.attach = Attach::kDispatcher;
  }
  // Without these no dispatcher; with them it also takes a libxdp that is new enough for the kernel, which
  // tests/kernel/test_dispatcher.py finds out.
  const bool extensions_ = libbpf_probe_bpf_prog_type(BPF_PROG_TYPE_EXT, nullptr) == 1;
};

TEST_F(DispatcherTest, StandsAloneWhereThereIsNoDispatcher) {
  start();
  EXPECT_EQ(status().mode, Mode::kNative) << status().reason;
  EXPECT_EQ(attach_mode(), XDP_ATTACHED_DRV);
  const bool alone = std::filesystem::exists(pin());
  EXPECT_EQ(status().reason.find("so the program stands alone") != std::string::npos, alone)
      << status().reason;
  if (!extensions_) {
    EXPECT_TRUE(alone);
    EXPECT_NE(status().reason.find("refuses freplace (ext) programs"), std::string::npos) << status().reason;
  }
  stop();
  EXPECT_EQ(attach_mode(), XDP_ATTACHED_NONE);
}

TEST_F(DispatcherTest, RefusesWhenAModeIsDemandedAndThereIsNoDispatcher) {
  options_.mode = Mode::kNative;
  const auto created = create();
  if (created) {
    EXPECT_TRUE(extensions_);
    return;
  }
  EXPECT_NE(created.error().message.find("set [fastpath] attach = \"link\""), std::string::npos)
      << created.error().message;
  EXPECT_EQ(attach_mode(), XDP_ATTACHED_NONE);
}

TEST_F(DispatcherTest, NeverPushesOutAProgramThatStandsAlone) {
  const UniqueFd other = attach_another();
  const uint32_t id = query().prog_id;
  start();
  EXPECT_EQ(status().mode, Mode::kOff);
  EXPECT_NE(status().reason, "");
  EXPECT_EQ(query().prog_id, id);
}

TEST_F(DispatcherTest, GoesOnAfterARestart) {
  start();
  leave();
  EXPECT_EQ(attach_mode(), XDP_ATTACHED_DRV);
  start();
  EXPECT_EQ(status().mode, Mode::kNative) << status().reason;
  fast_path_->finish_takeover();
  stop();
  EXPECT_EQ(attach_mode(), XDP_ATTACHED_NONE);
}

}  // namespace
}  // namespace turnpike::fastpath
