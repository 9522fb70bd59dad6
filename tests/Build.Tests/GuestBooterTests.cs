using Xenlet.QemuXen;

namespace Xenlet.Build.Tests;

public sealed class GuestBooterTests
{
    private static readonly GuestImage Image = new("App", "/images/App");

    [Fact]
    public void The_domain_is_what_the_options_say()
    {
        RunCommand command = new(Project: null)
        {
            Memory = 48,
            VirtualCpus = 2,
            CommandLine = "A=1 'first word'",
            Environment = [new("B", "x y")],
            Arguments = ["second", "C=3"],
        };

        GuestConfig config = GuestBooter.Configure(Image, command);

        Assert.Equal("App", config.Name);
        Assert.Equal("/images/App/App.elf", config.Kernel);
        Assert.Equal(48, config.MemoryMiB);
        Assert.Equal(2, config.VCpus);
        Assert.Equal("A=1 B='x y' 'first word' second C=3", config.CommandLine);
    }

    [Fact]
    public void What_nobody_named_has_defaults()
    {
        GuestConfig config = GuestBooter.Configure(Image, new RunCommand(Project: null));

        Assert.Equal((16, 1, ""), (config.MemoryMiB, config.VCpus, config.CommandLine));
    }

    [Fact]
    public void A_command_for_dom0_is_read_from_its_file()
    {
        using TemporaryDirectory directory = new();
        string file = Path.Combine(directory.Path, "show.sh");
        File.WriteAllText(file, "ping -c 1 10.0.0.2\n");

        Assert.Equal("ping -c 1 10.0.0.2\n", GuestBooter.ReadScript("@" + file));
        Assert.Equal("ping", GuestBooter.ReadScript("ping"));
        Assert.Null(GuestBooter.ReadScript(null));
        BuildException failure = Assert.Throws<BuildException>(() => GuestBooter.ReadScript($"@{file}.not"));
        Assert.Contains($"{file}.not", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_a_domains_configuration_cannot_say_is_refused_as_bad_usage()
    {
        BuildException failure = Assert.Throws<BuildException>(
            () => GuestBooter.Configure(Image, new RunCommand(Project: null) { Arguments = ["two\nlines"] }));

        Assert.Equal(2, failure.ExitStatus);
    }
}
