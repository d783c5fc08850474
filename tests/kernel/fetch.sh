#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# fetch.sh SERIES DIRECTORY: Debian's newest packaged kernel of a series (6.1, 6.12), unpacked in
# DIRECTORY/SERIES with its modules indexed. 6.1 is Debian 12's own; newer ones are its backports, which need
# not be among the machine's sources: they are read from the archive that those name, into lists of our own.
set -euo pipefail
SERIES=$1
DIRECTORY=$(realpath -m "$2")/$1  # apt takes relative paths for its own folders'
[ ! -e "$DIRECTORY/complete" ] || exit 0
mkdir -p "$DIRECTORY/lists/partial" "$DIRECTORY/package"

# The archive that Debian 12 itself comes from: "URI" of the suite bookworm.
archive() {
  # shellcheck disable=SC2016  # apt's words, not the shell's
  apt-get indextargets --format '$(RELEASE) $(REPO_URI)' 'Created-By: Packages' |
    sed -n 's/^bookworm //p' | head -n 1
}

uri=$(archive)
[ -n "$uri" ] || { echo "fetch.sh: no archive with Debian 12 (bookworm) among apt's sources" >&2; exit 1; }
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
for suite in bookworm bookworm-updates bookworm-backports; do
  echo "deb [signed-by=$keyring] $uri $suite main"
done >"$DIRECTORY/sources.list"
apt=(apt-get -q -o "Dir::Etc::sourcelist=$DIRECTORY/sources.list" -o Dir::Etc::sourceparts=/dev/null
  -o "Dir::State::lists=$DIRECTORY/lists" -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache=
  -o APT::Sandbox::User=root)
"${apt[@]}" update >"$DIRECTORY/apt.log" 2>&1 || { cat "$DIRECTORY/apt.log" >&2; exit 1; }
names=$(sed -n 's/^Package: //p' <(for list in "$DIRECTORY"/lists/*Packages*; do
  /usr/lib/apt/apt-helper cat-file "$list"; done) |
  grep -E "^linux-image-${SERIES//./\\.}\.[0-9]+[-+0-9a-z]*-amd64$" | grep -vE 'cloud|rt-|unsigned' | sort -uV)
name=$(tail -n 1 <<<"$names")
[ -n "$name" ] || { echo "fetch.sh: the archive has no linux-image-$SERIES.*-amd64" >&2; exit 1; }
(cd "$DIRECTORY" && "${apt[@]}" download "$name" >>apt.log 2>&1) || { cat "$DIRECTORY/apt.log" >&2; exit 1; }
dpkg-deb -x "$DIRECTORY"/linux-image-*.deb "$DIRECTORY/package"
release=$(ls "$DIRECTORY/package/lib/modules")
depmod -b "$DIRECTORY/package" "$release"
rm -rf "$DIRECTORY"/linux-image-*.deb "$DIRECTORY/lists"
echo "$release" >"$DIRECTORY/complete"
