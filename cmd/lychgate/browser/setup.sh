#!/usr/bin/env bash
# Installs what the browser suite needs and is missing, and says so: Chromium,
# Node.js and openssl from the system's packages, the drivers from the lock file
# beside this script, and the specimen sites into the user's cache folder.
set -euo pipefail
cd "$(dirname "$0")"
specimens="${XDG_CACHE_HOME:-$HOME/.cache}/lychgate/specimens"

say() { printf 'browser suite: %s\n' "$*" >&2; }

missing=()
command -v "${CHROMIUM:-chromium}" >/dev/null || missing+=(chromium)
command -v node >/dev/null || missing+=(nodejs)
command -v npm >/dev/null || missing+=(npm)
command -v openssl >/dev/null || missing+=(openssl)
if ((${#missing[@]})); then
	if ! command -v apt-get >/dev/null; then
		say "please install ${missing[*]} (or set CHROMIUM to a Chromium-based browser)"
		exit 1
	fi
	say "installing ${missing[*]} with apt-get"
	sudo=()
	if ((EUID != 0)); then sudo=(sudo); fi
	"${sudo[@]}" apt-get update -qq
	"${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
fi

# install FOLDER puts the packages of FOLDER's lock file there, unless they are.
install() {
	if ! cmp -s "$1/package-lock.json" "$1/node_modules/.installed"; then
		say "npm ci in $1"
		(cd "$1" && npm ci --no-progress --loglevel=error >&2)
		cp "$1/package-lock.json" "$1/node_modules/.installed"
	fi
}

install "$PWD"
mkdir -p "$specimens"
cp specimens/package.json specimens/package-lock.json specimens/.npmrc "$specimens/"
install "$specimens"
