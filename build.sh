#!/bin/sh
# Runs build.ps1 with an installed PowerShell, or with the small host in build/PowerShellHost. `./build.sh help` says what it can do.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
export DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1

if ! command -v dotnet >/dev/null; then
    echo "build.sh: the .NET 10 SDK is missing: there is no 'dotnet' on PATH." >&2
    echo "  https://learn.microsoft.com/dotnet/core/install/linux-debian installs it as the package dotnet-sdk-10.0," >&2
    echo "  https://dot.net/v1/dotnet-install.sh (--channel 10.0) without root." >&2
    exit 1
fi
if ! (cd "$root" && dotnet --version >/dev/null); then
    echo "build.sh: the .NET SDK found does not satisfy global.json: install the .NET 10 SDK" >&2
    echo "  (https://learn.microsoft.com/dotnet/core/install/linux-debian, package dotnet-sdk-10.0)." >&2
    exit 1
fi

if command -v pwsh >/dev/null; then
    exec pwsh -NoLogo -NoProfile -File "$root/build.ps1" "$@"
fi

project=$root/build/PowerShellHost
host=$project/bin/Release/net10.0/PowerShellHost.dll
built=$project/obj/built
if [ ! -e "$host" ] || [ ! -e "$built" ] ||
    [ -n "$(find "$project" "$root/Directory.Build.props" "$root/Directory.Packages.props" -name obj -prune -o -name bin -prune -o -type f -newer "$built" -print)" ]; then
    echo "build.sh: building the PowerShell host" >&2
    dotnet msbuild "$project/PowerShellHost.csproj" -restore -p:Configuration=Release -v:quiet -tl:off -nologo >&2
    touch "$built"
fi
exec dotnet exec "$host" "$root/build.ps1" "$@"
