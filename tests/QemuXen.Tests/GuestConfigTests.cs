namespace Xenlet.QemuXen.Tests;

public sealed class GuestConfigTests
{
    [Fact]
    public void The_least_configuration_names_type_image_and_memory()
    {
        string text = new GuestConfig { Name = "hello", Kernel = "/images/hello.elf" }.ToXlConfig();

        Assert.Equal(
            """
            name = "hello"
            type = "pvh"
            kernel = "/images/hello.elf"
            memory = 32
            vcpus = 1
            tsc_mode = "native"
            on_poweroff = "destroy"
            on_reboot = "destroy"
            on_crash = "destroy"

            """,
            text);
    }

    [Fact]
    public void Every_value_that_is_set_has_its_line()
    {
        GuestConfig config = new GuestConfig
        {
            Name = "all",
            Kernel = "k",
            Ramdisk = "r",
            MemoryMiB = 16,
            MaxMemoryMiB = 64,
            VCpus = 2,
            CommandLine = "a b",
            Disks = ["format=raw,vdev=xvda,access=w,target=/dev/loop0", "format=raw,vdev=xvdb,access=r,target=/dev/loop1"],
            Vifs = ["bridge=xenbr0"],
            OnPowerOff = "preserve",
            OnReboot = "restart",
            OnCrash = "preserve",
            TscMode = "default",
            ExtraLines = ["max_grant_frames = 4"],
        };

        Assert.Equal(
            """
            name = "all"
            type = "pvh"
            kernel = "k"
            ramdisk = "r"
            cmdline = "a b"
            memory = 16
            maxmem = 64
            vcpus = 2
            tsc_mode = "default"
            disk = ["format=raw,vdev=xvda,access=w,target=/dev/loop0", "format=raw,vdev=xvdb,access=r,target=/dev/loop1"]
            vif = ["bridge=xenbr0"]
            on_poweroff = "preserve"
            on_reboot = "restart"
            on_crash = "preserve"
            max_grant_frames = 4

            """,
            config.ToXlConfig());
    }

    [Theory]
    [InlineData("plain", "\"plain\"")]
    [InlineData("", "\"\"")]
    [InlineData("a \"b\" c", "\"a \\\"b\\\" c\"")]
    [InlineData("it's", "\"it's\"")]
    [InlineData("C:\\x\\", "\"C:\\\\x\\\\\"")]
    [InlineData("# $X `y`", "\"# $X `y`\"")]
    public void Strings_are_quoted_as_xl_reads_them(string value, string quoted) =>
        Assert.Equal(quoted, GuestConfig.Quote(value, "Value"));

    [Theory]
    [InlineData("two\nlines", "U+000A")]
    [InlineData("tab\there", "U+0009")]
    [InlineData("nul\0", "U+0000")]
    public void A_control_character_is_refused_by_name(string commandLine, string named)
    {
        GuestConfig config = new() { Name = "x", Kernel = "k", CommandLine = commandLine };

        ArgumentException error = Assert.Throws<ArgumentException>(config.ToXlConfig);

        Assert.Contains("CommandLine", error.Message, StringComparison.Ordinal);
        Assert.Contains(named, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("two words")]
    [InlineData("42")]
    [InlineData("a/b")]
    [InlineData("$(reboot)")]
    public void A_name_that_xl_or_a_shell_would_misread_is_refused(string name) =>
        Assert.Throws<ArgumentException>(new GuestConfig { Name = name, Kernel = "k" }.ToXlConfig);

    [Theory]
    [InlineData(0, null, 1, "0 MiB")]
    [InlineData(32, 16, 1, "maximum of 16 MiB")]
    [InlineData(32, null, 0, "0 virtual processors")]
    [InlineData(32, null, 129, "129 virtual processors")]
    public void Impossible_sizes_are_refused(int memory, int? maximum, int vcpus, string named)
    {
        GuestConfig config = new() { Name = "x", Kernel = "k", MemoryMiB = memory, MaxMemoryMiB = maximum, VCpus = vcpus };

        Assert.Contains(named, Assert.Throws<ArgumentException>(config.ToXlConfig).Message, StringComparison.Ordinal);
    }
}
