# Builds the build tool (build/Xenlet.Build) when a source of it has changed, and hands it the command line. build.sh runs this with
# pwsh or with build/PowerShellHost, which has no cmdlets beyond the language: keep to native commands and .NET calls.
$ErrorActionPreference = 'Stop'

# `pwsh -File` takes -name:value apart before a script sees it; the process's own command line still has it whole.
$arguments = $args
$line = [Environment]::GetCommandLineArgs()
$file = [Array]::IndexOf($line, '-File')
if ($file -ge 0 -and $file + 1 -lt $line.Length -and [IO.Path]::GetFullPath($line[$file + 1]) -eq $PSCommandPath) {
    $arguments = [Linq.Enumerable]::Skip($line, $file + 2)
}

$tool = [IO.Path]::Combine($PSScriptRoot, 'build', 'Xenlet.Build')
$built = "$tool/obj/built"

# What the tool is made from. A directory's time changes when a file in it goes.
$parts = @(
    'build/Xenlet.Build', 'qemu-xen', 'shared', 'src/Kernel/Nucleus/Boot/CommandLine.cs', 'tests/GuestImage/CaseTable.cs'
    'Directory.Build.props', 'Directory.Build.targets', 'Directory.Packages.props', 'global.json'
)
$sources = foreach ($path in $parts) {
    $full = [IO.Path]::Combine($PSScriptRoot, $path)
    $full
    if ([IO.Directory]::Exists($full)) {
        [IO.Directory]::EnumerateFileSystemEntries($full, '*', [IO.SearchOption]::AllDirectories)
    }
}

$since = [IO.File]::GetLastWriteTimeUtc($built)
$newer = $sources | & { process { if ($_ -notmatch '/(bin|obj)(/|$)' -and [IO.File]::GetLastWriteTimeUtc($_) -ge $since) { $_ } } }
if ($newer) {
    $begin = [DateTime]::UtcNow
    & dotnet msbuild "$tool/Xenlet.Build.csproj" -restore -p:Configuration=Release -v:quiet -tl:off -nologo
    if ($LASTEXITCODE -ne 0) {
        exit $LASTEXITCODE
    }

    $null = [IO.Directory]::CreateDirectory("$tool/obj")
    [IO.File]::WriteAllText($built, '')
    [IO.File]::SetLastWriteTimeUtc($built, $begin)
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
