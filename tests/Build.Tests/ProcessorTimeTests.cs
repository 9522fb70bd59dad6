namespace Xenlet.Build.Tests;

public sealed class ProcessorTimeTests
{
    [Theory]
    [InlineData("0m0.010s 0m0.020s\n1m2.500s 0m0.250s\n", 62.75)]
    [InlineData("0m0.00s 0m0.00s\n0m0.00s 10m0.00s", 600)]
    [InlineData(null, 0)]
    [InlineData("", 0)]
    public void The_second_line_of_times_is_the_commands(string? times, double seconds) =>
        Assert.Equal(seconds, ProcessorTime.Read(times).TotalSeconds, 3);

    [Fact]
    public void A_measured_command_has_its_status_its_output_and_the_time_of_its_children()
    {
        using TemporaryDirectory directory = new();
        string times = Path.Combine(directory.Path, "times");
        string output = Path.Combine(directory.Path, "output");
        const string Busy = "(i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done); echo \"$1\"; echo wrong >&2; exit 3";
        (string command, IReadOnlyList<string> arguments) = ProcessorTime.Measured(times, output, ["sh", "-c", Busy, "sh", "two words"]);

        int status = new ProcessRunner(CancellationToken.None).Run(command, arguments, ProcessOutput.Inherited);

        Assert.Equal(3, status);
        Assert.Equal("two words\nwrong\n", File.ReadAllText(output));
        Assert.True(ProcessorTime.Read(File.ReadAllText(times)) > TimeSpan.Zero, File.ReadAllText(times));
    }
}
