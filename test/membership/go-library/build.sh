#!/bin/sh
# Builds member.go.txt with the current Go library into the file that is named.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cp "$here/member.go.txt" "$folder/main.go"
cd "$folder"
go mod init member 2>/dev/null
go get github.com/hashicorp/memberlist@v0.7.0 2>/dev/null
go build -o "$1" .
