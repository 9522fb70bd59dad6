namespace Xenlet.Build.Tests;

public sealed class RunCommandTests
{
    private static readonly RunCommand Declared = new(Project: null)
    {
        Memory = 24,
        VirtualCpus = 2,
        Ramdisk = "/r",
        CommandLine = "C=1",
        Environment = [new("A", "1")],
        Arguments = ["x"],
        Disks = [16],
        Network = true,
        HotPlug = true,
        Dom0Command = "true",
        LinuxCommands = "ls",
        Dom0Programs = ["curl"],
    };

    [Fact]
    public void What_the_user_leaves_open_the_project_says()
    {
        RunCommand run = new RunCommand("app").Over(Declared);

        Assert.Equal("app", run.Project);
        Assert.Equal((24, 2, "C=1", "/r"), (run.Memory, run.VirtualCpus, run.CommandLine, run.Ramdisk));
        Assert.Equal([new("A", "1")], run.Environment);
        Assert.Equal(["x"], run.Arguments);
        Assert.Equal([16], run.Disks);
        Assert.Equal((true, true, "true"), (run.Network, run.HotPlug, run.Dom0Command));
        Assert.Equal(["curl"], run.Dom0Programs);
        Assert.Equal("ls", run.LinuxCommands);
    }

    [Fact]
    public void What_the_user_says_goes_before()
    {
        RunCommand run = new RunCommand("app")
        {
            Memory = 8,
            VirtualCpus = 1,
            CommandLine = "D=2",
            Environment = [new("A", "2")],
            Arguments = [],
        }.Over(Declared);

        Assert.Equal((8, 1, "D=2"), (run.Memory, run.VirtualCpus, run.CommandLine));
        Assert.Equal([new("A", "1"), new("A", "2")], run.Environment);
        Assert.Empty(run.Arguments!);
    }

    [Fact]
    public void Devices_of_the_user_replace_those_of_the_project_together()
    {
        RunCommand network = new RunCommand("app") { Network = true }.Over(Declared);
        RunCommand dom0 = new RunCommand("app") { Dom0Command = "false" }.Over(Declared);

        Assert.Equal((0, true, false, null), (network.Disks.Count, network.Network, network.HotPlug, network.Dom0Command));
        Assert.Empty(dom0.Dom0Programs);
        Assert.Null(dom0.LinuxCommands);
        Assert.Equal((0, false, false, "false"), (dom0.Disks.Count, dom0.Network, dom0.HotPlug, dom0.Dom0Command));
    }

    [Fact]
    public void Without_Xen_there_are_no_devices() => Assert.False(new RunCommand("app") { WithoutXen = true }.Over(Declared).TellsDevices);

    [Fact]
    public void Who_sits_at_the_console_ends_the_program_himself()
    {
        RunCommand run = new RunCommand("app") { Interactive = true }.Over(Declared);

        Assert.Equal((1, true, false, null), (run.Disks.Count, run.Network, run.HotPlug, run.Dom0Command));
        Assert.Null(run.LinuxCommands);
        Assert.Empty(run.Dom0Programs);
        Assert.True(new RunCommand("app") { Interactive = true, HotPlug = true }.Over(Declared).HotPlug);
    }
}
