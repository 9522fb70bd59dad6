# Builds the build tool (build/Xenlet.Build) and hands it the command line. build.sh runs this with pwsh or with
# build/PowerShellHost, which has no cmdlets beyond the language: keep to native commands and .NET calls.
$ErrorActionPreference = 'Stop'

# `pwsh -File` takes -name:value apart before a script sees it; the process's own command line still has it whole.
$arguments = @($args)
$line = [Environment]::GetCommandLineArgs()
$file = [Array]::IndexOf($line, '-File')
if ($file -ge 0 -and $file + 1 -lt $line.Length -and [IO.Path]::GetFullPath($line[$file + 1]) -eq $PSCommandPath) {
    $arguments = @(for ($i = $file + 2; $i -lt $line.Length; $i++) { $line[$i] })
}

$tool = [IO.Path]::Combine($PSScriptRoot, 'build', 'Xenlet.Build')
& dotnet build "$tool/Xenlet.Build.csproj" -c Release -v quiet -clp:ErrorsOnly
if ($LASTEXITCODE -ne 0) {
    exit $LASTEXITCODE
}

& dotnet exec "$tool/bin/Release/net10.0/Xenlet.Build.dll" @arguments
exit $LASTEXITCODE
