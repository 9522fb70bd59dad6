using Xenlet.QemuXen.Base;

namespace Xenlet.QemuXen.Tests;

public sealed class HostCommandTests
{
    [Fact]
    public async Task What_a_program_writes_to_standard_output_is_given() =>
        Assert.Equal("to out\n", await HostCommand.RunAsync("sh", ["-c", "echo to out; echo to err >&2"]));

    [Fact]
    public async Task A_program_that_fails_is_named_with_its_status_and_all_it_wrote()
    {
        QemuXenException failure = await Assert.ThrowsAsync<QemuXenException>(
            () => HostCommand.RunAsync("sh", ["-c", "echo to out; echo to err >&2; exit 3"]));

        Assert.Equal("`sh -c echo to out; echo to err >&2; exit 3` ended with status 3: to err\nto out", failure.Message);
    }

    [Fact]
    public async Task A_program_that_is_not_there_is_named()
    {
        QemuXenException failure = await Assert.ThrowsAsync<QemuXenException>(() => HostCommand.RunAsync("no-such-program", []));

        Assert.Contains("Cannot start 'no-such-program'", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Variables_of_a_build_that_started_this_process_are_not_passed_on()
    {
        const string Variable = "MSBUILD_OF_HOST_COMMAND_TESTS";
        Environment.SetEnvironmentVariable(Variable, "1");
        try
        {
            Assert.DoesNotContain(Variable, await HostCommand.RunAsync("env", []), StringComparison.Ordinal);
        }
        finally
        {
            Environment.SetEnvironmentVariable(Variable, null);
        }
    }
}
