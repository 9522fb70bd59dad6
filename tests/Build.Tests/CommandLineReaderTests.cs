using Xenlet.QemuXen;

namespace Xenlet.Build.Tests;

public sealed class CommandLineReaderTests
{
    [Theory]
    [InlineData("")]
    [InlineData("help")]
    [InlineData("--help")]
    [InlineData("-h")]
    [InlineData("run --help")]
    [InlineData("test -h")]
    public void Help_is_what_asks_for_it_and_what_asks_for_nothing(string line) => Assert.IsType<HelpCommand>(Read(line));

    [Theory]
    [InlineData("run -- --help")]
    [InlineData("run -- -h")]
    public void An_argument_of_the_program_is_not_taken_for_the_tools_own(string line) => Assert.IsType<RunCommand>(Read(line));

    [Fact]
    public void Each_command_has_its_operand()
    {
        Assert.Equal(new ImageCommand(null), Read("build"));
        Assert.Equal(new ImageCommand("samples/Hello"), Read("build samples/Hello"));
        Assert.Equal(new PackCommand(null), Read("pack"));
        Assert.Equal(new PackCommand("1.2.3-test.4"), Read("pack --version 1.2.3-test.4"));
        Assert.Equal(new TestPackagesCommand(null), Read("test packages"));
        Assert.Equal(new TestPackagesCommand("Name~FSharp"), Read("test packages --filter Name~FSharp"));
        Assert.Equal(new TestCommand(null), Read("test"));
        Assert.Equal(new TestCommand("Name~Ring"), Read("test --filter Name~Ring"));
        Assert.Equal(new SoakCommand(null), Read("soak"));
        Assert.Equal(new SoakCommand("Name~Ring"), Read("soak --filter=Name~Ring"));
        Assert.Equal(["--quick", "start"], Assert.IsType<BenchCommand>(Read("bench --quick start")).Arguments);
        Assert.IsType<CleanCommand>(Read("clean"));
    }

    [Theory]
    [InlineData("test Kernel.Tests", "Kernel.Tests", null)]
    [InlineData("test tests/Kernel.Tests Futex", "tests/Kernel.Tests", "Futex")]
    [InlineData("test Kernel.Tests --filter Name~Futex", "Kernel.Tests", "Name~Futex")]
    public void A_word_behind_test_is_a_project_and_a_second_one_a_filter(string line, string project, string? filter) =>
        Assert.Equal(new TestProjectCommand(project, filter), Read(line));

    [Theory]
    [InlineData("test case null-read", false, "null-read")]
    [InlineData("test case --xen null-read guid-new", true, "null-read", "guid-new")]
    [InlineData("test case clock 3 --xen", true, "clock", "3")]
    public void Cases_are_named_and_booted_without_Xen_unless_it_is_asked_for(string line, bool underXen, params string[] words)
    {
        TestCaseCommand command = Assert.IsType<TestCaseCommand>(Read(line));

        Assert.Equal(underXen, command.UnderXen);
        Assert.Equal(words, command.Words);
    }

    [Fact]
    public void A_hunt_for_flakes_has_projects_times_and_a_filter()
    {
        FlakesCommand all = Assert.IsType<FlakesCommand>(Read("soak flakes"));
        FlakesCommand some = Assert.IsType<FlakesCommand>(
            Read("soak flakes --project Kernel.Tests --times=10 --project tests/XenBus.Tests --filter Futex"));

        Assert.Empty(all.Projects);
        Assert.Equal((null, null), (all.Times, all.Filter));
        Assert.Equal(["Kernel.Tests", "tests/XenBus.Tests"], some.Projects);
        Assert.Equal((10, "Futex"), (some.Times, some.Filter));
    }

    [Theory]
    [InlineData("soak fuzz", null)]
    [InlineData("soak fuzz --minutes 5", 5)]
    [InlineData("soak fuzz unwinder --minutes=90 block-ring", 90, "unwinder", "block-ring")]
    public void Fuzzing_has_targets_and_minutes(string line, int? minutes, params string[] targets)
    {
        FuzzCommand command = Assert.IsType<FuzzCommand>(Read(line));

        Assert.Equal(minutes, command.Minutes);
        Assert.Equal(targets, command.Targets);
    }

    [Fact]
    public void The_fuzzer_is_told_where_the_corpora_are_how_long_and_what()
    {
        IReadOnlyList<string> arguments = FuzzRun.Arguments(new Repository("/x"), new FuzzCommand(["unwinder"], 5));

        Assert.Equal(["--corpora", "/x/tests/Fuzz/Corpora", "--work", "/x/artifacts/fuzz", "--minutes", "5", "unwinder"], arguments);
        Assert.DoesNotContain("--minutes", FuzzRun.Arguments(new Repository("/x"), new FuzzCommand([], null)));
    }

    [Theory]
    [InlineData("run --no-xen", null)]
    [InlineData("run --no-xen --gdb", 1234)]
    [InlineData("run --gdb=2345 my/app --no-xen", 2345)]
    public void A_guest_waits_for_gdb_at_a_port_when_it_is_told_to(string line, int? port) =>
        Assert.Equal(port, Assert.IsType<RunCommand>(Read(line)).GdbPort);

    [Fact]
    public void Run_leaves_open_what_was_not_named()
    {
        RunCommand run = Assert.IsType<RunCommand>(Read("run"));

        Assert.Null(run.Project);
        Assert.Null(run.Memory);
        Assert.Null(run.VirtualCpus);
        Assert.Equal("", run.CommandLine);
        Assert.Empty(run.Environment);
        Assert.Null(run.Arguments);
        Assert.Empty(Assert.IsType<RunCommand>(Read("run --")).Arguments!);
        Assert.False(run.Interactive);
        Assert.False(run.WithoutXen);
        Assert.False(run.TellsDevices);
    }

    [Theory]
    [InlineData("run my/app", 0, false, false, null)]
    [InlineData("run --no-xen", 0, false, false, null)]
    [InlineData("run --disk 4 --disk=8", 2, false, false, null)]
    [InlineData("run --network", 0, true, false, null)]
    [InlineData("run my/app --plug", 0, false, true, null)]
    [InlineData("run my/app --dom0 reboot", 0, false, false, "reboot")]
    public void Devices_are_those_named(string line, int disks, bool network, bool hotPlug, string? dom0)
    {
        RunCommand run = Assert.IsType<RunCommand>(Read(line));

        Assert.Equal((disks, network, hotPlug, dom0), (run.Disks.Count, run.Network, run.HotPlug, run.Dom0Command));
        Assert.Equal(disks > 0 || network || hotPlug || dom0 is not null, run.TellsDevices);
    }

    [Fact]
    public void A_command_for_dom0_may_be_in_a_file()
    {
        RunCommand run = Assert.IsType<RunCommand>(CommandLineReader.Read(["run", "--dom0", "@show/ping.sh", "my/app"]));

        Assert.Equal("@" + Path.GetFullPath("show/ping.sh"), run.Dom0Command);
        Assert.Equal(Path.GetFullPath("files.tar"), ((RunCommand)CommandLineReader.Read(["run", "--ramdisk", "files.tar"])).Ramdisk);
        Assert.Equal(
            "@" + Path.GetFullPath("linux.sh"), ((RunCommand)CommandLineReader.Read(["run", "--linux", "@linux.sh"])).LinuxCommands);
        Assert.Equal("ping -c 3 $GUEST", ((RunCommand)CommandLineReader.Read(["run", "--dom0=ping -c 3 $GUEST"])).Dom0Command);
    }

    [Fact]
    public void Programs_for_dom0_are_those_named()
    {
        RunCommand run = Assert.IsType<RunCommand>(Read("run my/app --dom0-program curl --dom0-program=openssl"));

        Assert.Equal(["curl", "openssl"], run.Dom0Programs);
        Assert.True(run.TellsDevices);
    }

    [Fact]
    public void A_projects_own_options_are_those_of_run_with_paths_from_where_it_is()
    {
        RunCommand declared = CommandLineReader.ReadDeclared(
            "\n  --network --dom0 @ping.sh\n  --memory 32 -- 10.0.0.2/24 fd00::2/64 ", "/projects/samples/Ping/Ping.csproj");

        Assert.True(declared.Network);
        Assert.Equal("@/projects/samples/Ping/ping.sh", declared.Dom0Command);
        Assert.Equal(32, declared.Memory);
        Assert.Equal(["10.0.0.2/24", "fd00::2/64"], declared.Arguments);
        Assert.False(CommandLineReader.ReadDeclared("", "/projects/App.csproj").TellsDevices);
    }

    [Theory]
    [InlineData("--fast", "--fast")]
    [InlineData("--memory much", "'much'")]
    [InlineData("another/project", "for the user to name")]
    [InlineData("--no-xen", "for the user to name")]
    [InlineData("--interactive", "for the user to name")]
    [InlineData("--no-xen --gdb", "for the user to name")]
    [InlineData("--machine intel", "for the user to name")]
    public void A_projects_own_options_that_are_not_understood_are_named_with_the_project(string options, string named)
    {
        BuildException failure = Assert.Throws<BuildException>(() => CommandLineReader.ReadDeclared(options, "/projects/App.csproj"));

        Assert.Contains("/projects/App.csproj: XenletRunOptions", failure.Message, StringComparison.Ordinal);
        Assert.Contains(named, failure.Message, StringComparison.Ordinal);
        Assert.Equal(2, failure.ExitStatus);
    }

    [Theory]
    [InlineData("run my/app --no-xen --disk 4")]
    [InlineData("run --network --no-xen")]
    [InlineData("run --plug --no-xen")]
    [InlineData("run --dom0 true --no-xen")]
    public void Devices_without_Xen_are_refused(string line)
    {
        BuildException failure = Assert.Throws<BuildException>(() => Read(line));

        Assert.Equal(2, failure.ExitStatus);
        Assert.Contains("need Xen", failure.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("run", null)]
    [InlineData("run --machine amd", EmulatedMachine.Amd)]
    [InlineData("run my/app --machine=intel --disk 4", EmulatedMachine.Intel)]
    public void The_machine_is_the_one_named(string line, EmulatedMachine? machine) =>
        Assert.Equal(machine, Assert.IsType<RunCommand>(Read(line)).Over(new RunCommand(Project: null)).Machine);

    [Theory]
    [InlineData(
        "run",
        "my/app",
        "--memory",
        "48",
        "--vcpus",
        "2",
        "--env",
        "A=1",
        "--env",
        "B=x=y",
        "--cmdline",
        "C=2 d",
        "--interactive",
        "--no-xen",
        "--",
        "--e",
        "f g")]
    [InlineData(
        "run",
        "--memory=48",
        "--env=A=1",
        "--no-xen",
        "my/app",
        "--vcpus=2",
        "--env=B=x=y",
        "--interactive",
        "--cmdline=C=2 d",
        "--",
        "--e",
        "f g")]
    public void Run_takes_options_in_any_order_and_in_both_forms(params string[] arguments)
    {
        RunCommand run = Assert.IsType<RunCommand>(CommandLineReader.Read(arguments));

        Assert.Equal("my/app", run.Project);
        Assert.Equal(48, run.Memory);
        Assert.Equal(2, run.VirtualCpus);
        Assert.Equal("C=2 d", run.CommandLine);
        Assert.Equal([new("A", "1"), new("B", "x=y")], run.Environment);
        Assert.Equal(["--e", "f g"], run.Arguments);
        Assert.True(run.Interactive);
        Assert.True(run.WithoutXen);
    }

    [Theory]
    [InlineData("frobnicate", "frobnicate")]
    [InlineData("--memory 4", "--memory")]
    [InlineData("build --fast", "--fast")]
    [InlineData("build one two", "two")]
    [InlineData("test one two three", "three")]
    [InlineData("test one two --filter three", "two")]
    [InlineData("test --fast", "--fast")]
    [InlineData("test --filter", "--filter")]
    [InlineData("test --xen", "--xen")]
    [InlineData("test Kernel.Tests --xen", "--xen")]
    [InlineData("test case", "case")]
    [InlineData("test case null-read --filter x", "filtered")]
    [InlineData("soak one", "'one'")]
    [InlineData("soak --xen", "--xen")]
    [InlineData("soak flakes Kernel.Tests", "'Kernel.Tests'")]
    [InlineData("soak flakes --times 0", "'0'")]
    [InlineData("soak fuzz --minutes 0", "'0'")]
    [InlineData("soak fuzz --minutes", "--minutes")]
    [InlineData("soak fuzz --filter x", "--filter")]
    [InlineData("pack now", "now")]
    [InlineData("pack --version 1.2", "1.2")]
    [InlineData("clean all", "all")]
    [InlineData("run --fast", "--fast")]
    [InlineData("run one two", "two")]
    [InlineData("run --memory", "--memory")]
    [InlineData("run --memory 0", "'0'")]
    [InlineData("run --memory 64M", "'64M'")]
    [InlineData("run --memory -1", "'-1'")]
    [InlineData("run --vcpus 129", "'129'")]
    [InlineData("run --env", "--env")]
    [InlineData("run --env NAME", "NAME=VALUE")]
    [InlineData("run --env 1A=2", "1A=2")]
    [InlineData("run --env =2", "NAME=VALUE")]
    [InlineData("run --no-xen=yes", "'yes'")]
    [InlineData("run --gdb", "--no-xen")]
    [InlineData("run --no-xen --gdb=70000", "'70000'")]
    [InlineData("run --disk", "--disk")]
    [InlineData("run --disk 0", "'0'")]
    [InlineData("run --plug=xvdb", "'xvdb'")]
    [InlineData("run --dom0", "--dom0")]
    [InlineData("run --dom0-program", "--dom0-program")]
    [InlineData("run --linux", "--linux")]
    [InlineData("run --machine", "--machine")]
    [InlineData("run --machine sparc", "'sparc'")]
    [InlineData("run --machine amd --no-xen", "'--no-xen'")]
    public void What_is_not_understood_is_named_and_ends_with_status_2(string line, string named)
    {
        BuildException failure = Assert.Throws<BuildException>(() => Read(line));

        Assert.Equal(2, failure.ExitStatus);
        Assert.Contains(named, failure.Message, StringComparison.Ordinal);
        Assert.Contains("./build.sh help", failure.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("run")]
    [InlineData("build")]
    [InlineData("test")]
    [InlineData("soak")]
    [InlineData("bench")]
    [InlineData("clean")]
    [InlineData("--memory")]
    [InlineData("--vcpus")]
    [InlineData("--env")]
    [InlineData("--cmdline")]
    [InlineData("--interactive")]
    [InlineData("--no-xen")]
    [InlineData("--machine")]
    [InlineData("--disk")]
    [InlineData("--network")]
    [InlineData("--plug")]
    [InlineData("--dom0")]
    [InlineData("--dom0-program")]
    [InlineData("--linux")]
    [InlineData("--gdb")]
    [InlineData("test PROJECT")]
    [InlineData("test case")]
    [InlineData("--xen")]
    [InlineData("--filter")]
    [InlineData("soak flakes")]
    [InlineData("soak fuzz")]
    [InlineData("--minutes")]
    [InlineData("--project")]
    [InlineData("--times")]
    public void Help_names_every_command_and_option(string word) => Assert.Contains($"  {word}", Help.Text, StringComparison.Ordinal);

    private static BuildCommand Read(string line) => CommandLineReader.Read(line.Split(' ', StringSplitOptions.RemoveEmptyEntries));
}
