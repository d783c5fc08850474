// SPDX-License-Identifier: Apache-2.0
#include <bpf/libbpf.h>
#include <linux/if_link.h>

#include "unit/xdp_fixture.h"

namespace turnpike::fastpath {
namespace {

class AttachTest : public XdpTest {
 protected:
  static unsigned attach_mode() {
    LIBBPF_OPTS(bpf_xdp_query_opts, query);
    EXPECT_EQ(bpf_xdp_query(static_cast<int>(if_nametoindex("tp0")), 0, &query), 0);
    return query.attach_mode;
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
  EXPECT_TRUE(std::filesystem::exists(std::string(kPins) + "/link-tp0"));
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
  EXPECT_NE(status().reason.find("transmits nothing"), std::string::npos) << status().reason;
  fast_path_.reset();
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
  fast_path_.reset();
  EXPECT_EQ(attach_mode(), XDP_ATTACHED_SKB);
}

TEST_F(AttachTest, FailsWhenTheDemandedModeIsRefused) {
  set_peer_gro(false);
  options_.mode = Mode::kNative;
  const auto created = create_xdp_fast_path(options_);
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
  fast_path_.reset();
  options_.mode = Mode::kOff;
  start();
  EXPECT_EQ(status().mode, Mode::kOff);
  EXPECT_EQ(attach_mode(), XDP_ATTACHED_NONE);
}

TEST_F(AttachTest, NamesAnInterfaceThatDoesNotExist) {
  options_.interfaces = {"tp9"};
  const auto created = create_xdp_fast_path(options_);
  ASSERT_FALSE(created);
  EXPECT_EQ(created.error().code, ErrorCode::kInvalid);
  EXPECT_NE(created.error().message.find("'tp9'"), std::string::npos);
}

TEST_F(AttachTest, FindsTheInterfacesOfItsAddresses) {
  options_.interfaces.clear();
  options_.local_addresses = {address("2001:db8::1"), address("127.0.0.1")};
  start();
  EXPECT_EQ(status().name, "tp0");
  fast_path_.reset();
  options_.local_addresses = {address("127.0.0.1")};
  start();
  EXPECT_TRUE(fast_path_->interfaces().empty());
}

TEST_F(AttachTest, FailsWhenTheDemandedModeHasNoInterface) {
  options_.interfaces.clear();
  options_.local_addresses = {address("127.0.0.1"), address("203.0.113.9")};
  for (const Mode mode : {Mode::kNative, Mode::kGeneric}) {
    options_.mode = mode;
    const auto created = create_xdp_fast_path(options_);
    ASSERT_FALSE(created);
    EXPECT_EQ(created.error().code, ErrorCode::kUnsupported);
    EXPECT_NE(created.error().message.find("carries 127.0.0.1, 203.0.113.9; name the interfaces"),
              std::string::npos)
        << created.error().message;
  }
}

TEST_F(AttachTest, LeavesNothingBehind) {
  start();
  EXPECT_TRUE(std::filesystem::exists(std::string(kPins) + "/map-flows"));
  fast_path_.reset();
  EXPECT_FALSE(std::filesystem::exists("/run/tp"));
  EXPECT_EQ(attach_mode(), XDP_ATTACHED_NONE);
}

TEST_F(AttachTest, ReplacesTheLinkOfARelayThatWasKilled) {
  const pid_t child = fork();
  if (child == 0) {
    const auto created = create_xdp_fast_path(options_);
    _exit(created ? 0 : 1);  // as if killed: nothing is destroyed, the pins stay
  }
  int exit_status = 1;
  ASSERT_EQ(waitpid(child, &exit_status, 0), child);
  ASSERT_EQ(exit_status, 0);
  ASSERT_NE(attach_mode(), XDP_ATTACHED_NONE);
  start();
  EXPECT_NE(status().mode, Mode::kOff) << status().reason;
}

TEST_F(AttachTest, NoticesThatAnInterfaceIsGone) {
  start();
  run("ip link del tp0");
  EXPECT_TRUE(eventually([&] {
    fast_path_->handle_events();
    return status().mode == Mode::kOff;
  }));
  EXPECT_EQ(status().reason, "the interface is gone");
}

}  // namespace
}  // namespace turnpike::fastpath
