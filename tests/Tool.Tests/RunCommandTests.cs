using System.Net;
using Xenlet.QemuXen;
using Xenlet.Tool.Base;
using Xenlet.Tool.CommandLines;
using Xenlet.Tool.Runs;

namespace Xenlet.Tool.Tests;

/// <summary>How <c>run</c> handles its command line, a configuration and an image, before it boots anything.</summary>
public sealed class RunCommandTests : IAsyncLifetime, IDisposable
{
    // 2 MiB of memory from 2 MiB on: with what the runtime needs beside it, 5.
    private const string Source = """
        .section .note.Xen, "a", @note
        .long 4, 4, 18
        .asciz "Xen"
        .long _start
        .text
        .globl _start
        _start: hlt
        .bss
        .fill 2000000, 1, 0
        """;

    private readonly TemporaryDirectory _directory = new();
    private readonly List<string> _said = [];

    private string Image => _directory["App.elf"];

    public async Task InitializeAsync()
    {
        await PublishedImages.RunAsync("as", [_directory.Write("image.s", Source + "\n"), "-o", _directory["image.o"]]);
        await PublishedImages.RunAsync("ld", ["-z", "noseparate-code", "-Ttext-segment=0x200000", _directory["image.o"], "-o", Image]);
    }

    public Task DisposeAsync() => Task.CompletedTask;

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void An_image_alone_runs_in_QEMU_with_what_the_command_line_says()
    {
        GuestRunnerOptions run = Configure(Image, "--memory", "32", "--vcpus", "2", "--env", "A=x y", "--", "--qemu", "B=1");

        Assert.True(run.NoXen);
        Assert.Equal(("App", Image, 32, 2), (run.Guest.Name, run.Guest.Kernel, run.Guest.MemoryMiB, run.Guest.VCpus));
        Assert.Equal("A='x y' --qemu B=1", run.Guest.CommandLine);
    }

    [Fact]
    public void A_configuration_says_what_the_command_line_does_not()
    {
        string config = WriteConfig("""
            name = "guest"
            memory = 24
            maxmem = 24
            vcpus = 3
            cmdline = "A=1 B=2 'first word'"
            """);

        GuestRunnerOptions run = Configure(config, "--env", "A=3", "--", "second");

        Assert.True(run.NoXen);
        Assert.Equal(("guest", 24, 3), (run.Guest.Name, run.Guest.MemoryMiB, run.Guest.VCpus));
        Assert.Equal("A=1 B=2 A=3 'first word' second", run.Guest.CommandLine);
        Assert.Equal(48, Configure(config, "--memory", "48").Guest.MemoryMiB);
    }

    [Theory]
    [InlineData("App.elf")]
    [InlineData("/srv/xen/of/another/host/App.elf")]
    public void The_image_is_where_the_configuration_says_or_beside_it(string kernel)
    {
        string config = _directory.Write("App.cfg", $"kernel = \"{kernel}\"\n");

        Assert.Equal(Image, Configure(config).Guest.Kernel);
    }

    [Theory]
    [InlineData("files.tar")]
    [InlineData("/srv/xen/of/another/host/files.tar")]
    public void The_ramdisk_is_where_the_configuration_says_or_beside_it_and_the_command_line_has_the_last_word(string ramdisk)
    {
        string archive = _directory.Write("files.tar", new string('a', 3 << 20));
        string other = _directory.Write("other.tar", "");

        GuestConfig guest = Configure(WriteConfig($"ramdisk = \"{ramdisk}\"")).Guest;

        Assert.Equal((archive, 16 + 3), (guest.Ramdisk, guest.MemoryMiB));
        Assert.Equal(other, Configure(WriteConfig($"ramdisk = \"{ramdisk}\""), "--ramdisk", other).Guest.Ramdisk);
        Assert.Equal(archive, Configure(Image, "--ramdisk", archive).Guest.Ramdisk);
    }

    [Fact]
    public void A_ramdisk_that_is_not_there_is_named()
    {
        string config = WriteConfig("ramdisk = \"/no/such.tar\"");
        Assert.Equal($"{config}:2: there is no ramdisk /no/such.tar", Assert.Throws<ToolException>(() => Configure(config)).Message);
        Assert.Equal(
            "there is no ramdisk /no/such.tar", Assert.Throws<ToolException>(() => Configure(Image, "--ramdisk", "/no/such.tar")).Message);
    }

    [Theory]
    [InlineData("disk = [\"format=raw,vdev=xvda,access=rw,target=/no/such\"]", null, false)]
    [InlineData("vif = [\"bridge=br7\"]", null, false)]
    [InlineData("vif = [\"bridge=br7\"]", "--qemu", true)]
    [InlineData("", null, true)]
    [InlineData("", "--xen", false)]
    public void Devices_make_Xen_the_world_unless_it_is_said(string devices, string? world, bool withoutXen)
    {
        GuestRunnerOptions run = Configure([WriteConfig(devices), .. world is null ? (string[])[] : [world]]);

        Assert.Equal(withoutXen, run.NoXen);
        Assert.Equal(devices.Length > 0, withoutXen == (run.Disks.Count + run.Guest.Vifs.Count == 0) && devices.Length > 0);
        Assert.Equal(devices.Length > 0 && withoutXen, _said.Exists(line => line.StartsWith("without Xen", StringComparison.Ordinal)));
    }

    [Fact]
    public void A_disk_is_a_copy_of_its_file_or_empty_and_an_interface_keeps_its_address_alone()
    {
        string file = _directory.Write("data.img", "some");
        GuestRunnerOptions run = Configure(
            WriteConfig("""
                disk = ["data.img,raw,xvdc,w", "vdev=xvda, format=raw, target=/dev/vg/a,b"]
                vif = ["mac=00:16:3e:00:00:01, bridge=br7"]
                """),
            "--disk", "4", "--network");

        Assert.Equal([new("xvdc", 0, file), new("xvda", 16, null), new("xvdb", 4, null)], run.Disks);
        Assert.Equal(["mac=00:16:3e:00:00:01", ""], run.Guest.Vifs);
        Assert.Equal(
            [
                $"xvdc is a copy of {file}: what is written to it is lost at the end",
                "xvda is an empty disk of 16 MiB: there is no file /dev/vg/a,b on this machine",
            ],
            _said);
    }

    [Theory]
    [InlineData("", "10.0.2.15", 24)]
    [InlineData("XENLET_IP=fd00::2/64,10.1.2.3/16 first", "10.1.2.3", 16)]
    [InlineData("XENLET_IP=10.1.2.3/30", "10.0.2.15", 24)]
    public void A_forwarded_port_brings_an_interface_and_a_network_in_which_the_guests_address_is(
        string commandLine, string address, int prefix)
    {
        GuestRunnerOptions run = Configure(WriteConfig($"cmdline = \"{commandLine}\""), "--forward", "9000:80", "--forward", "9001:443");

        Assert.False(run.NoXen);
        Assert.Equal([""], run.Guest.Vifs);
        Assert.Equal([new(80, 9000), new(443, 9001)], run.Forwards);
        Assert.Equal(new ForwardedNetwork(IPAddress.Parse(address), prefix), run.ForwardedNetwork);
    }

    [Fact]
    public void A_script_for_dom0_makes_Xen_the_world_and_is_read_before_anything_is_booted()
    {
        GuestRunnerOptions run = Configure(Image, "--dom0-script", _directory.Write("plug.sh", "xl list $GUEST"));

        Assert.Equal((false, "xl list $GUEST"), (run.NoXen, run.Dom0Command));
        Assert.StartsWith(
            "the script for dom0 cannot be read: ",
            Assert.Throws<ToolException>(() => Configure(Image, "--dom0-script", _directory["none.sh"])).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Memory_that_cannot_hold_the_image_is_refused_with_the_number()
    {
        string config = WriteConfig("memory = 4");

        Assert.Equal(
            $"{Image} needs memory=5 (MiB) or more, and '--memory' says 4",
            Assert.Throws<ToolException>(() => Configure(Image, "--memory", "4")).Message);
        Assert.EndsWith(
            $"App.elf needs memory=5 (MiB) or more, and {config}:2 says 4",
            Assert.Throws<ToolException>(() => Configure(config)).Message,
            StringComparison.Ordinal);
        Assert.Equal(5, Configure(Image, "--memory", "5").Guest.MemoryMiB);
    }

    [Theory]
    [InlineData("kernel = \"None.elf\"", "1: there is no image ")]
    [InlineData("kernel = \"App.elf\"\ntype = \"hvm\"", "2: a Xenlet is of type \"pvh\", not \"hvm\"")]
    [InlineData("name = \"a\"", " names no image: kernel= is missing")]
    [InlineData("kernel = \"App.elf\"\ndisk = [\"target=a\"]", "2: the disk 'target=a' has no vdev=")]
    [InlineData("kernel = \"App.elf\"\ncmdline = \"'a\"", "the guest would refuse its command line: ")]
    [InlineData("kernel = \"App.elf\"\nname = \"a b\"", "'a b' is not ")]
    public void A_wrong_configuration_is_named(string text, string expected)
    {
        string config = _directory.Write("App.cfg", text);

        ToolException failure = Assert.Throws<ToolException>(() => Configure(config));
        Assert.StartsWith(config, failure.Message, StringComparison.Ordinal);
        Assert.Contains(expected, failure.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', failure.Message);
    }

    [Theory]
    [InlineData("IMAGE or NAME.cfg is missing")]
    [InlineData("unexpected 'b' (arguments for the program follow '--')", "a.elf", "b")]
    [InlineData("unknown option '--memroy'", "a.elf", "--memroy", "4")]
    [InlineData("option '--memory' needs a value", "a.elf", "--memory")]
    [InlineData("option '--memory' needs a whole number (MiB) from 1 to 16777216, but got '1G'", "a.elf", "--memory", "1G")]
    [InlineData("'--qemu' and '--xen' are two worlds; name one", "a.elf", "--qemu", "--xen")]
    [InlineData("'--disk', '--network', '--forward' and '--dom0-script' need Xen, and '--qemu' was given", "a.elf", "--qemu", "--network")]
    [InlineData(
        "'--disk', '--network', '--forward' and '--dom0-script' need Xen, and '--qemu' was given",
        "a.elf", "--qemu", "--forward", "1")]
    [InlineData(
        "'--disk', '--network', '--forward' and '--dom0-script' need Xen, and '--qemu' was given",
        "a.elf", "--qemu", "--dom0-script", "a.sh")]
    [InlineData("'--forward x:80' is not of the form PORT or PORT:PORT, with ports from 1 to 65535", "a.elf", "--forward", "x:80")]
    [InlineData("'--forward 0' is not of the form PORT or PORT:PORT, with ports from 1 to 65535", "a.elf", "--forward", "0")]
    [InlineData(
        "'--env 1=2' is not of the form NAME=VALUE, where NAME is letters, digits and '_' and begins with no digit",
        "a.elf", "--env", "1=2")]
    public void A_command_line_that_is_not_understood_is_named(string expected, params string[] words)
    {
        ToolException failure = Assert.Throws<ToolException>(() => RunCommand.Read(new Words("run", words)));

        Assert.Equal((2, $"run: {expected}; 'xenlet run --help' tells what there is"), (failure.ExitStatus, failure.Message));
    }

    private string WriteConfig(string lines) => _directory.Write("App.cfg", $"kernel = \"App.elf\"\n{lines}\n");

    private GuestRunnerOptions Configure(params string[] words) =>
        GuestRun.Configure(RunCommand.Read(new Words("run", words)), _said.Add);
}
