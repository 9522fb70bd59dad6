using System.Diagnostics;

namespace Xenlet.Build.Tests;

/// <summary>The host as build.sh uses it: a process that runs a script.</summary>
public sealed class PowerShellHostTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task A_native_command_has_the_hosts_own_streams()
    {
        const string Script =
            "& /bin/sh -c 'read line; echo \"out $line\"; echo \"err $line\" >&2; readlink /proc/self/fd/0 /proc/$PPID/fd/0'\n";

        CommandResult result = await RunAsync(Script, input: "typed\n");

        string[] lines = result.Output.Split('\n');
        Assert.Equal("out typed", lines[0]);
        Assert.Equal(lines[1], lines[2]);
        Assert.Equal("err typed\n", result.Error);
    }

    [Fact]
    public async Task Arguments_reach_the_script_as_they_were()
    {
        string[] arguments = ["a b", "q\"q", "it's", "", "--", "-x", "-x:y", "--opt=v", "$HOME", "*", "~", "ü", "a\\", "\\\"",
            "line\nline"];

        CommandResult result = await RunAsync("foreach ($a in $args) { [Console]::Out.Write($a + [char]0) }\n", arguments);

        Assert.Equal(arguments, result.Output.Split('\0')[..^1]);
    }

    [Fact]
    public async Task A_process_the_script_starts_has_the_hosts_own_streams_too()
    {
        CommandResult result = await RunAsync(
            "$p = [Diagnostics.Process]::Start('/bin/cat'); $p.WaitForExit(); exit $p.ExitCode", input: "typed\n");

        Assert.Equal((0, "typed\n"), (result.ExitStatus, result.Output));
    }

    [Theory]
    [InlineData("exit 7", 7)]
    [InlineData("exit 0", 0)]
    [InlineData("& /bin/sh -c 'exit 5'; exit $LASTEXITCODE", 5)]
    [InlineData("& /bin/sh -c 'exit 5'", 0)]
    [InlineData("'done'", 0)]
    [InlineData("function f { exit 9 }; f; 'not reached'", 9)]
    public async Task The_exit_status_is_what_the_script_says(string script, int expected) =>
        Assert.Equal(expected, (await RunAsync(script)).ExitStatus);

    [Theory]
    [InlineData("'a'\nthrow 'bad thing'\n'b'", "bad thing", 2)]
    [InlineData("'a'\n\n$ErrorActionPreference = 'Stop'; no-such-command\n'b'", "no-such-command", 3)]
    [InlineData("if (", "Missing condition", 1)]
    public async Task An_error_that_ends_the_script_goes_to_standard_error_with_its_place(string script, string message, int line)
    {
        CommandResult result = await RunAsync(script);

        Assert.Equal(1, result.ExitStatus);
        Assert.Contains(message, result.Error, StringComparison.Ordinal);
        Assert.Contains($"script.ps1:{line}", result.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("b", result.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_script_goes_on_after_an_error_that_does_not_end_it()
    {
        CommandResult result = await RunAsync("1/0\n'after'\n");

        Assert.Equal(0, result.ExitStatus);
        Assert.Equal("after\n", result.Output);
        Assert.Contains("divide by zero", result.Error, StringComparison.Ordinal);
        Assert.Contains("script.ps1:1", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_script_knows_where_it_lies() =>
        Assert.Equal($"{_directory.Path}\n{_directory.Path}/script.ps1\n", (await RunAsync("$PSScriptRoot\n$PSCommandPath")).Output);

    [Fact]
    public async Task What_a_native_command_writes_comes_at_once()
    {
        string script = _directory.Write("script.ps1", "& /bin/sh -c 'echo ready; read line; echo $line'");
        using Process process = CommandResult.Start("dotnet", ["exec", Places.PowerShellHost, script]);

        Assert.Equal("ready", await process.StandardOutput.ReadLineAsync());
        await process.StandardInput.WriteLineAsync("go");
        Assert.Equal("go", await process.StandardOutput.ReadLineAsync());
        await process.WaitForExitAsync();
    }

    [Fact]
    public async Task A_request_to_end_is_passed_on_to_the_command()
    {
        using Process process = StartCommand("trap 'echo ended; exit 3' TERM; echo ready; while :; do sleep 0.1; done");
        Assert.Equal("ready", await process.StandardOutput.ReadLineAsync());

        await CommandResult.RunAsync("/bin/kill", ["-TERM", $"{process.Id}"]);

        Assert.Equal("ended", await process.StandardOutput.ReadLineAsync());
        await process.WaitForExitAsync();
        Assert.Equal(143, process.ExitCode);
    }

    [Fact]
    public async Task The_first_interrupt_is_the_commands_own_affair()
    {
        using Process process = StartCommand(
            "trap 'echo ended; exit 3' INT TERM; echo ready; while read line; do echo \"$line\"; done; exit 4");
        Assert.Equal("ready", await process.StandardOutput.ReadLineAsync());

        await CommandResult.RunAsync("/bin/kill", ["-INT", $"{process.Id}"]);

        // Nothing shows when the host has noticed it. It gets many opportunities, and the command answers in each.
        for (int turn = 0; turn < 30; turn++)
        {
            await process.StandardInput.WriteLineAsync($"{turn}");
            Assert.Equal($"{turn}", await process.StandardOutput.ReadLineAsync());
            await Task.Delay(50);
        }

        process.StandardInput.Close();
        await process.WaitForExitAsync();
        Assert.Equal(4, process.ExitCode);
    }

    [Theory]
    [InlineData(new string[0], "usage")]
    [InlineData(new[] { "/nonexistent/script.ps1" }, "/nonexistent/script.ps1")]
    public async Task Without_a_script_it_says_what_it_wants(string[] arguments, string expected)
    {
        CommandResult result = await CommandResult.RunAsync("dotnet", ["exec", Places.PowerShellHost, .. arguments]);

        Assert.Equal(2, result.ExitStatus);
        Assert.Contains(expected, result.Error, StringComparison.Ordinal);
    }

    /// <summary>Starts a script whose only line is a shell command.</summary>
    private Process StartCommand(string command)
    {
        string script = _directory.Write("script.ps1", "& /bin/sh $args[0]; exit $LASTEXITCODE");
        return CommandResult.Start("dotnet", ["exec", Places.PowerShellHost, script, _directory.Write("command.sh", command + "\n")]);
    }

    private Task<CommandResult> RunAsync(string script, string[]? arguments = null, string input = "") =>
        CommandResult.RunAsync(
            "dotnet", ["exec", Places.PowerShellHost, _directory.Write("script.ps1", script), .. arguments ?? []], input);
}
