# Builds the build tool (build/Xenlet.Build) and hands it the command line. build.sh runs this with pwsh or with
# build/PowerShellHost, which has no cmdlets beyond the language: keep to native commands and .NET calls.
$ErrorActionPreference = 'Stop'

# `pwsh -File` takes -name:value apart before a script sees it; the process's own command line still has it whole.
$arguments = $args
$line = [Environment]::GetCommandLineArgs()
$file = [Array]::IndexOf($line, '-File')
if ($file -ge 0 -and $file + 1 -lt $line.Length -and [IO.Path]::GetFullPath($line[$file + 1]) -eq $PSCommandPath) {
    $arguments = [Linq.Enumerable]::Skip($line, $file + 2)
}

$tool = [IO.Path]::Combine($PSScriptRoot, 'build', 'Xenlet.Build')
& dotnet msbuild "$tool/Xenlet.Build.csproj" -restore -p:Configuration=Release -v:quiet -tl:off -nologo
if ($LASTEXITCODE -ne 0) {
    exit $LASTEXITCODE
}

# Not `& dotnet`: PowerShell expands * and ~ in the arguments of a native command. The tool inherits the terminal all the same.
$dotnet = (Get-Command dotnet -CommandType Application -TotalCount 1).Source
$start = [Diagnostics.ProcessStartInfo]::new($dotnet)
$start.ArgumentList.Add('exec')
$start.ArgumentList.Add("$tool/bin/Release/net10.0/Xenlet.Build.dll")
foreach ($argument in $arguments) {
    $start.ArgumentList.Add($argument)
}

$process = [Diagnostics.Process]::Start($start)
$process.WaitForExit()
exit $process.ExitCode
