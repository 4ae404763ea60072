#!/usr/bin/env bash
# Fetches the npm packages of package-lock.json and copies what a browser needs into static/vendor/ (git-ignored, shipped in
# the wheel). Quick and offline when nothing changed.
set -euo pipefail
cd "$(dirname "$0")"
stamp=$(cat package.json package-lock.json vendor.sh | sha256sum | cut -c1-64)
[ "$(cat static/vendor/.stamp 2>/dev/null)" != "$stamp" ] || [ ! -d node_modules/axe-core ] || exit 0
npm ci --silent
rm -rf static/vendor
mkdir -p static/vendor/fira-sans
cp node_modules/htmx.org/dist/htmx.min.js static/vendor/
cp node_modules/@kern-ux/native/dist/kern.min.css static/vendor/
cp node_modules/@kern-ux/native/dist/fonts/fira-sans.css static/vendor/
for weight in Regular Italic Medium SemiBold Bold; do
  cp "node_modules/@kern-ux/native/dist/fonts/fira-sans/FiraSans-$weight.woff2" static/vendor/fira-sans/
done
cp node_modules/@kern-ux/native/LICENSE.md static/vendor/LICENSE.kern.md
cp node_modules/htmx.org/LICENSE static/vendor/LICENSE.htmx.txt
printf '%s\n' "$stamp" > static/vendor/.stamp
