namespace Xenlet.Guest.Tests;

/// <summary>Arguments and environment, as a domain's configuration gives them.</summary>
public abstract class CommandLineTests(World world)
{
    [Fact]
    public async Task Arguments_are_split_and_unquoted()
    {
        EndedGuest guest =
            (await world.RunCaseAsync("""arguments plain "two words" 'single $HOME' es\ caped "" --flag=ü -- last""")).AssertExited(0);
        string[] expected = ["args: 8", "[plain]", "[two words]", "[single $HOME]", "[es caped]", "[]", "[--flag=ü]", "[--]", "[last]"];
        Assert.Equal(expected, guest.Lines.SkipWhile(line => line != "args: 8").Take(expected.Length));
    }

    [Fact]
    public async Task Words_before_the_first_argument_are_the_environment()
    {
        EndedGuest guest = (await world.RunCaseAsync("GREETING='hello there' EMPTY= environment")).AssertExited(0);
        Assert.Contains("env [GREETING=hello there]", guest.Lines);
        Assert.Contains("env [EMPTY=]", guest.Lines);
    }

    [Fact]
    public async Task A_quote_left_open_is_one_line_that_says_where()
    {
        EndedGuest guest = (await world.RunCaseAsync("arguments \"open")).AssertCrashed();
        string line = Assert.Single(guest.Lines, line => line.Length > 0);
        Assert.Contains("cmdline: a quote is not closed", line, StringComparison.Ordinal);
        Assert.Contains("11", line, StringComparison.Ordinal);
    }
}

[Collection(WithoutXen.Name)]
public sealed class CommandLineTestsWithoutXen(DirectWorld world) : CommandLineTests(world);

[Collection(UnderXen.Name)]
public sealed class CommandLineTestsUnderXen(XenWorld world) : CommandLineTests(world);
