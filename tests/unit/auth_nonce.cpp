// SPDX-License-Identifier: Apache-2.0
#include "auth/nonce.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <random>
#include <set>

namespace turnpike::auth {
namespace {

using turn::NonceState;

constexpr NonceMinter::Key kKey{1, 2, 3, 4, 5, 6, 7, 8};
constexpr Seconds kLifetime{600};
const WallTime kIssued{Seconds(1'800'000'000)};
const Endpoint kClient{IpAddress::v4(192, 0, 2, 9), 40000};

class NonceTest : public testing::Test {
 protected:
  NonceMinter minter_{kKey, kLifetime};
  std::string nonce_ = minter_.mint(kClient, kIssued);
};

TEST_F(NonceTest, IsSixteenCharactersThatNeedNoQuoting) {
  EXPECT_EQ(nonce_.size(), 16u);
  EXPECT_TRUE(std::all_of(nonce_.begin(), nonce_.end(), [](char c) {
    return std::isalnum(c) != 0 || c == '+' || c == '/';
  })) << nonce_;
}

TEST_F(NonceTest, IsValidForItsLifetimeToTheSecond) {
  EXPECT_EQ(minter_.check(nonce_, kClient, kIssued), NonceState::kValid);
  EXPECT_EQ(minter_.check(nonce_, kClient, kIssued + kLifetime - Seconds(1)), NonceState::kValid);
  EXPECT_EQ(minter_.check(nonce_, kClient, kIssued + kLifetime), NonceState::kStale);
  EXPECT_EQ(minter_.check(nonce_, kClient, kIssued + std::chrono::years(10)), NonceState::kStale);
}

TEST_F(NonceTest, OfTheFutureIsForged) {
  EXPECT_EQ(minter_.check(nonce_, kClient, kIssued - Seconds(1)), NonceState::kForged);
}

TEST_F(NonceTest, OfAnotherClientIsForged) {
  const Endpoint others[] = {{kClient.address, 40001},
                             {IpAddress::v4(192, 0, 2, 8), 40000},
                             {*IpAddress::parse("2001:db8::9"), 40000}};
  for (const Endpoint& other : others) {
    EXPECT_EQ(minter_.check(nonce_, other, kIssued), NonceState::kForged) << other.to_string();
    EXPECT_EQ(minter_.check(minter_.mint(other, kIssued), other, kIssued), NonceState::kValid);
  }
}

TEST_F(NonceTest, OfAnotherKeyIsForgedAndOfTheSameKeyIsNot) {
  NonceMinter::Key other_key = kKey;
  other_key.back() ^= 1;
  EXPECT_EQ(NonceMinter(other_key, kLifetime).check(nonce_, kClient, kIssued), NonceState::kForged);
  EXPECT_EQ(NonceMinter(kKey, kLifetime).check(nonce_, kClient, kIssued), NonceState::kValid);
}

TEST_F(NonceTest, EveryChangedCharacterIsForged) {
  const std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=-_ \n";
  for (size_t at = 0; at < nonce_.size(); ++at)
    for (char character : alphabet) {
      if (character == nonce_[at]) continue;
      std::string changed = nonce_;
      changed[at] = character;
      ASSERT_EQ(minter_.check(changed, kClient, kIssued), NonceState::kForged) << changed;
    }
}

TEST_F(NonceTest, GarbageIsForged) {
  for (const std::string& garbage :
       {std::string(), std::string("x"), nonce_.substr(1), nonce_ + "A", " " + nonce_, nonce_ + "\n",
        std::string(16, '\0'), std::string(16, '\xFF'), std::string(16, 'A'), std::string(16, '='),
        std::string(763, 'A')})
    EXPECT_EQ(minter_.check(garbage, kClient, kIssued), NonceState::kForged) << garbage;
  std::mt19937 random(7);
  for (int i = 0; i < 20'000; ++i) {
    std::string garbage(random() % 33, '\0');
    for (char& character : garbage)
      character = static_cast<char>(random());
    ASSERT_EQ(minter_.check(garbage, kClient, kIssued), NonceState::kForged);
  }
}

TEST_F(NonceTest, DiffersBySecondAndByPort) {
  std::set<std::string> nonces;
  for (uint16_t port = 0; port < 100; ++port)
    for (int second = 0; second < 100; ++second)
      nonces.insert(minter_.mint({kClient.address, port}, kIssued + Seconds(second)));
  EXPECT_EQ(nonces.size(), 10'000u);
}

TEST_F(NonceTest, SurvivesTheWrapOf32BitTime) {
  const WallTime wrap{Seconds(int64_t{1} << 32)};
  const std::string nonce = minter_.mint(kClient, wrap - Seconds(1));
  EXPECT_EQ(minter_.check(nonce, kClient, wrap + kLifetime - Seconds(2)), NonceState::kValid);
  EXPECT_EQ(minter_.check(nonce, kClient, wrap + kLifetime - Seconds(1)), NonceState::kStale);
}

}  // namespace
}  // namespace turnpike::auth
