using Xenlet.Machines;

namespace Xenlet.Build.Tests;

public sealed class PrerequisiteInstallerTests
{
    private const string LibcPath = "/usr/lib/x86_64-linux-gnu/libc.a";

    private readonly FakeMachine _machine = new();
    private readonly List<string> _said = [];

    [Fact]
    public void Nothing_is_done_or_said_when_nothing_is_missing()
    {
        _machine.Commands.UnionWith(["gcc", "ld", "objcopy", "qemu-system-x86_64"]);
        _machine.Files.Add(LibcPath);

        Ensure();

        Assert.Empty(_machine.Ran);
        Assert.Empty(_said);
    }

    [Fact]
    public void Root_installs_what_is_missing_and_only_that()
    {
        _machine.Commands.UnionWith(["gcc", "ld", "objcopy"]);
        _machine.OnInstall = packages =>
        {
            _machine.Commands.Add("qemu-system-x86_64");
            _machine.Files.Add(LibcPath);
            return 0;
        };

        Ensure();

        Assert.Equal(["apt-get install -q -y --no-install-recommends libc6-dev qemu-system-x86"], _machine.Ran);
        Assert.Contains(_said, line => line.Contains("libc6-dev qemu-system-x86", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(true, 1, "install")]
    [InlineData(false, 2, "update install")]
    public void Lists_are_fetched_first_only_when_there_are_none(bool hasLists, int commands, string expected)
    {
        _machine.HasPackageLists = hasLists;
        _machine.OnInstall = InstallEverything;

        Ensure();

        Assert.Equal(commands, _machine.Ran.Count);
        Assert.Equal(expected, string.Join(' ', _machine.Ran.Select(line => line.Split(' ')[1])));
    }

    [Fact]
    public void Lists_that_are_out_of_date_are_fetched_again()
    {
        int attempts = 0;
        _machine.OnInstall = packages => ++attempts == 1 ? 100 : InstallEverything(packages);

        Ensure();

        Assert.Equal("install update install", string.Join(' ', _machine.Ran.Select(line => line.Split(' ')[1])));
    }

    [Fact]
    public void A_failed_installation_says_which()
    {
        _machine.OnInstall = _ => 100;

        BuildException failure = Assert.Throws<BuildException>(Ensure);

        Assert.Contains(
            "apt-get install -y --no-install-recommends gcc binutils libc6-dev qemu-system-x86", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_package_that_does_not_have_what_it_should_is_reported()
    {
        _machine.OnInstall = _ => 0;

        BuildException failure = Assert.Throws<BuildException>(Ensure);

        Assert.Contains("still missing", failure.Message, StringComparison.Ordinal);
        Assert.Contains("libc.a", failure.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true, "Install with: sudo apt-get install -y --no-install-recommends qemu-system-x86")]
    [InlineData(false, "Install with: sudo apt-get update && sudo apt-get install -y --no-install-recommends qemu-system-x86")]
    public void Others_than_root_are_told_the_exact_command(bool hasLists, string remedy)
    {
        _machine.IsRoot = false;
        _machine.HasPackageLists = hasLists;
        _machine.Commands.UnionWith(["gcc", "ld", "objcopy"]);
        _machine.Files.Add(LibcPath);

        BuildException failure = Assert.Throws<BuildException>(Ensure);

        Assert.EndsWith(remedy, failure.Message, StringComparison.Ordinal);
        Assert.Empty(_machine.Ran);
    }

    [Fact]
    public void A_system_without_apt_is_told_what_it_needs()
    {
        _machine.Commands.Remove("apt-get");

        BuildException failure = Assert.Throws<BuildException>(Ensure);

        Assert.Contains("no apt-get", failure.Message, StringComparison.Ordinal);
        Assert.Contains("qemu-system-x86", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Building_does_not_need_QEMU() =>
        Assert.DoesNotContain(Prerequisite.Linking(), prerequisite => prerequisite.Package.Contains("qemu", StringComparison.Ordinal));

    [Fact]
    public void The_Intel_machine_needs_packages_of_its_own_and_what_is_there_of_them_is_not_installed()
    {
        _machine.Commands.Add("grub-mkimage");
        _machine.Files.Add("/usr/lib/grub/i386-pc/boot.img");
        _machine.OnInstall = packages =>
        {
            _machine.Commands.Add("bochs");
            _machine.Files.UnionWith(
                ["/usr/lib/x86_64-linux-gnu/bochs/plugins/libbx_term_gui.so.0.0.0", "/usr/share/bochs/BIOS-bochs-latest",
                    "/usr/share/vgabios/vgabios.bin"]);
            return 0;
        };

        new PrerequisiteInstaller(_machine, _said.Add).Ensure(Needed.Intel);

        Assert.Equal(["apt-get install -q -y --no-install-recommends bochs bochs-term bochsbios vgabios"], _machine.Ran);
    }

    [Fact]
    public void The_local_machine_knows_what_is_on_its_path()
    {
        LocalMachine machine = new(new ProcessRunner(CancellationToken.None));

        Assert.True(machine.HasCommand("sh"));
        Assert.False(machine.HasCommand("xenlet-no-such-command"));
        Assert.True(machine.HasFile("/bin/sh"));
    }

    private void Ensure() => new PrerequisiteInstaller(_machine, _said.Add).Ensure([.. Prerequisite.Linking(), .. Needed.Booting]);

    private int InstallEverything(IReadOnlyList<string> packages)
    {
        _machine.Commands.UnionWith(["gcc", "ld", "objcopy", "qemu-system-x86_64"]);
        _machine.Files.Add(LibcPath);
        return 0;
    }

    private sealed class FakeMachine : IMachine
    {
        public HashSet<string> Commands { get; } = ["apt-get"];

        public HashSet<string> Files { get; } = [];

        public List<string> Ran { get; } = [];

        public Func<IReadOnlyList<string>, int> OnInstall { get; set; } =
            _ => throw new InvalidOperationException("Nothing was to be installed.");

        public bool IsRoot { get; set; } = true;

        public bool HasPackageLists { get; set; } = true;

        public bool HasCommand(string name) => Commands.Contains(name);

        public bool HasFile(string path) => Files.Contains(path);

        public int Run(string command, params IReadOnlyList<string> arguments)
        {
            Ran.Add($"{command} {string.Join(' ', arguments)}");
            if (arguments[0] == "update")
            {
                HasPackageLists = true;
                return 0;
            }

            return OnInstall([.. arguments.SkipWhile(argument => argument != "--no-install-recommends").Skip(1)]);
        }
    }
}
