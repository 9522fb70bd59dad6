using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using Xenlet.Domain;
using Xenlet.Kernel;
using Xenlet.XenBus;
using Xenlet.XenStoreRing;

namespace Xenlet.Drivers.Tests;

/// <summary>
/// All that the services of a domain do, one after the other, while no thread of the pool runs. The program is an event loop and plain
/// threads; tool stack and back ends are calls that block.
/// </summary>
[SuppressMessage(
    "Reliability", "CA1001:Types that own disposable fields should be disposable", Justification = "The process ends with it.")]
internal sealed class BlockedPoolRun
{
    /// <summary>The argument of the process that does it.</summary>
    public const string Argument = "blocked-pool";

    private const string Disk = "vbd/51712";
    private const string Interface = "vif/0";

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private readonly XenStoreDaemon _daemon;
    private readonly SimulatedDomain _domain;
    private readonly ToolStack _toolStack;
    private readonly FakeMachine _machine;
    private readonly ConsoleStream _console = new();
    private readonly ConcurrentQueue<string> _told = new();
    private readonly byte[] _data = new byte[1 << 20];
    private DomainServices _services = null!;
    private DiskServer? _server;

    private BlockedPoolRun(XenStoreDaemon daemon)
    {
        _daemon = daemon;
        _domain = daemon.Introduce(1);
        _toolStack = new(daemon.ConnectRaw());
        _machine = new(_domain) { OnSuspend = () => SuspendResult.Cancelled };
    }

    private TestMachine Devices => (TestMachine)_machine.EventChannels;

    /// <summary>Does all of it, and reports what did not happen, and which code has used the pool.</summary>
    /// <returns>The status of the process.</returns>
    public static int Run()
    {
        using PoolWitness witness = new();
        XenStoreDaemon daemon = XenStoreDaemon.StartAsync().GetAwaiter().GetResult();
        string? failure = null;
        try
        {
            BlockedPoolRun run = new(daemon);
            run._toolStack.MakeHome();
            witness.Begin();
            EventLoop program = new("program");
            Task task = EventLoop.Start(program, run.RunAsync);
            task.Wait();
        }
        catch (Exception error)
        {
            failure = (error is AggregateException { InnerException: { } inner } ? inner : error).ToString();
        }
        finally
        {
            // The daemon ends with this process: to wait for its end would take the pool.
            Directory.Delete(daemon.Directory, recursive: true);
        }

        IReadOnlyList<string> seen = witness.Seen;
        foreach (string one in seen)
        {
            Console.WriteLine($"the pool was given work {one}");
        }

        if (failure is not null)
        {
            Console.WriteLine(failure);
        }

        return failure is null && seen.Count == 0 ? 0 : 1;
    }

    private async Task RunAsync()
    {
        DomainServicesOptions options = new()
        {
            Control = new() { Output = _console, ReportTimeLimit = Patience },
            Bus = new() { ShutdownTimeLimit = Patience },
        };
        _services = await WithinAsync("the start of the services", DomainServices.StartAsync(_machine, options).AsTask());
        _services.Control.OnSuspend(after: outcome =>
        {
            _told.Enqueue(outcome.ToString());
            return default;
        });

        await PlugDiskAsync();
        await UseDiskAsync("a disk that was plugged");
        await PlugInterfaceAsync();
        await ReportAsync("a");

        await SuspendAsync("Cancelled", () => SuspendResult.Cancelled);
        await UseDiskAsync("a disk after a checkpoint");

        await SuspendAsync("Resumed", Move);
        await ConnectDiskAsync();
        await UseDiskAsync("a disk after a restore");
        await ConnectInterfaceAsync();

        await LoseStoreAsync();
        await ReportAsync("d");
        await UseDiskAsync("a disk after xenstore was lost");

        await UnplugAsync(Disk);
        await UnplugAsync(Interface);
        Ask("shutdown", "poweroff");
        await UntilAsync("the program is asked to end", () => _machine.Calls.LastOrDefault() == "terminate");
        await PlugDiskAsync();
        await EndProgramAsync();
        await WithinAsync("the end of the services", EndAsync());
    }

    private async Task UnplugAsync(string name)
    {
        _toolStack.SetState(ToolStack.BackEnd(name), XenBusState.Closing);
        await UntilAsync($"{name}, unplugged, is Closed", () => _toolStack.StateOf(ToolStack.FrontEnd(name)) == XenBusState.Closed);
        _toolStack.Remove(name);
        await UntilAsync($"{name}, unplugged, is forgotten", () => _services.FrontBus.Devices.All(device => device.Name != name));
    }

    /// <summary>The thread that ends the program waits until the back end has gone through its states.</summary>
    private async Task EndProgramAsync()
    {
        bool hasEnded = false;
        new Thread(() =>
        {
            _machine.ProgramEnds.Single()();
            Volatile.Write(ref hasEnded, true);
        })
        { IsBackground = true }.Start();
        foreach (XenBusState state in (XenBusState[])[XenBusState.Closing, XenBusState.Closed])
        {
            await UntilAsync($"the block front end is {state}", () => _toolStack.StateOf(ToolStack.FrontEnd(Disk)) == state);
            _toolStack.SetState(ToolStack.BackEnd(Disk), state);
        }

        await UntilAsync("the program has ended", () => Volatile.Read(ref hasEnded));
        Assert.DoesNotContain("not closed", _console.Text, StringComparison.Ordinal);
        _server!.Dispose();
    }

    private async Task<bool> EndAsync()
    {
        await _services.DisposeAsync();
        return true;
    }

    private async Task PlugDiskAsync()
    {
        _toolStack.AddDevice(Disk, [], Nodes(
            ("sectors", _data.Length / 512), ("sector-size", 512), ("info", 0), ("feature-flush-cache", 1)));
        await ConnectDiskAsync();
    }

    private async Task ConnectDiskAsync()
    {
        string front = ToolStack.FrontEnd(Disk);
        await UntilAsync("the block front end is Initialised", () => _toolStack.StateOf(front) == XenBusState.Initialised);
        uint[] ring = [_toolStack.ReadNumber(front + "/ring-ref")];
        _server = new(new TestDisk(Devices, ring, _toolStack.ReadNumber(front + "/event-channel"), _data));
        _toolStack.SetState(ToolStack.BackEnd(Disk), XenBusState.Connected);
        await UntilAsync("the block front end is Connected", () => _toolStack.StateOf(front) == XenBusState.Connected);
    }

    /// <summary>A plain thread waits for operations in all ways, and this method awaits some.</summary>
    private async Task UseDiskAsync(string which)
    {
        BlockDevice disk = await WithinAsync($"{which} is found", _services.Disks.WaitForAsync("xvda").AsTask());
        byte[] written = NetWorld.Bytes(which.Length, 5000);
        string state = "has not begun";
        new Thread(() =>
        {
            state = "waits for a write";
            disk.WriteAsync(0, written.AsMemory(0, 4096)).AsTask().Wait();
            state = "waits for a read";
            byte[] read = new byte[4096];
            disk.ReadAsync(0, read).AsTask().GetAwaiter().GetResult();
            state = "waits for a flush";
            disk.FlushAsync().AsTask().Wait();
            state = "is in a stream's Write";
            using BlockStream stream = new(disk);
            stream.Position = 100;
            stream.Write(written, 0, written.Length);
            state = "is in a stream's Read";
            stream.Position = 100;
            byte[] part = new byte[written.Length];
            stream.ReadExactly(part);
            bool isSame = read.AsSpan().SequenceEqual(written.AsSpan(0, 4096)) && part.AsSpan().SequenceEqual(written);
            state = isSame ? "has what it wrote" : "has not what it wrote";
        })
        { IsBackground = true }.Start();
        await UntilAsync(() => $"{which}: a thread that uses it {state}", () => Volatile.Read(ref state) == "has what it wrote");
        await WithinAsync($"{which}: an operation that is awaited", AwaitAsync());

        async Task<bool> AwaitAsync()
        {
            await disk.WriteAsync(8192, written.AsMemory(0, 512));
            return true;
        }
    }

    private async Task PlugInterfaceAsync()
    {
        _toolStack.AddDevice(Interface, Nodes(("mac", NetBackEnd.Mac)), NetBackEnd.LinuxFeatures);
        await ConnectInterfaceAsync();
    }

    private async Task ConnectInterfaceAsync()
    {
        string front = ToolStack.FrontEnd(Interface);
        await UntilAsync("the network front end is Connected", () => _toolStack.StateOf(front) == XenBusState.Connected);
        using TestMapping sending = Devices.Map(_toolStack.ReadNumber(front + "/tx-ring-ref"), 0);
        using TestMapping receiving = Devices.Map(_toolStack.ReadNumber(front + "/rx-ring-ref"), 0);
        BackRing<TransmitRequest, TransmitResponse> transmit = new([sending.Bytes], 12);
        BackRing<ReceiveRequest, ReceiveResponse> receive = new([receiving.Bytes], 8);
        TestChannel channel = Devices.Bind(_toolStack.ReadNumber(front + "/event-channel-rx"));
        _toolStack.SetState(ToolStack.BackEnd(Interface), XenBusState.Connected);
        NetworkInterface network = await WithinAsync("an interface is up", _services.Interfaces.WaitForAsync("vif0").AsTask());

        Task<FrameBuffer> received = network.ReceiveAsync().AsTask();
        byte[] frame = NetWorld.Bytes(1, 100);
        Assert.True(receive.TryTake(out ReceiveRequest request), "there is no page for a frame");
        using (TestMapping page = Devices.Map(request.Reference, 0))
        {
            frame.CopyTo(page.Bytes, 0);
        }

        receive.Put(new() { Id = request.Id, Status = (short)frame.Length });
        receive.Publish();
        channel.NotifyFront();
        using FrameBuffer came = await WithinAsync("a frame is received", received);
        Assert.Equal(frame, came.Data.ToArray());
        Assert.True(network.TrySend(NetWorld.Frame(network, frame)), "a frame is not sent");
        Assert.True(transmit.TryTake(out _), "a frame that was sent has not come");
    }

    private async Task ReportAsync(string letter)
    {
        int from = _console.Text.Length;
        Ask("sysrq", letter);
        await UntilAsync(
            $"the report of sysrq {letter}", () => _console.Text[from..].Contains("xenlet: end of the report", StringComparison.Ordinal));
        Assert.DoesNotContain("(no answer", _console.Text, StringComparison.Ordinal);
        Assert.Contains("vbd/51712  block  Connected", _console.Text[from..], StringComparison.Ordinal);
    }

    private async Task SuspendAsync(string outcome, Func<SuspendResult> suspend)
    {
        _machine.OnSuspend = suspend;
        Ask("shutdown", "suspend");
        await UntilAsync($"a suspend that is to be {outcome}", () => _told.LastOrDefault() == outcome);
    }

    /// <summary>The domain is another, with the same nodes, whose back ends begin anew.</summary>
    private SuspendResult Move()
    {
        _server!.Dispose();
        Devices.Resume();
        _toolStack.SetState(ToolStack.FrontEnd(Disk), XenBusState.Initialising);
        _toolStack.SetState(ToolStack.BackEnd(Disk), XenBusState.InitWait);
        _toolStack.SetState(ToolStack.FrontEnd(Interface), XenBusState.Initialising);
        _toolStack.SetState(ToolStack.BackEnd(Interface), XenBusState.InitWait);
        _daemon.Reintroduce(_domain);
        return SuspendResult.Resumed;
    }

    /// <summary>xenstored starts with a fresh ring, which the next request notices.</summary>
    private async Task LoseStoreAsync()
    {
        _daemon.Reintroduce(_domain);
        await WithinAsync(
            "a request over a ring that is another",
            Assert.ThrowsAsync<XenStoreException>(() => _services.Store.ReadAsync("control").AsTask()));
        await WithinAsync("a request over the next ring", _services.Store.TryReadAsync("device").AsTask());
    }

    private void Ask(string node, string request) => _toolStack.Write($"{ControlHost.Home}/control/{node}", request);

    private static Dictionary<string, string> Nodes(params (string Node, object Value)[] nodes) =>
        nodes.ToDictionary(node => node.Node, node => FormattableString.Invariant($"{node.Value}"));

    private Task UntilAsync(string what, Func<bool> condition) => UntilAsync(() => what, condition);

    private async Task UntilAsync(Func<string> what, Func<bool> condition)
    {
        long began = Stopwatch.GetTimestamp();
        while (!condition())
        {
            Assert.True(Stopwatch.GetElapsedTime(began) < Patience, $"This did not come about: {what()}. The console:\n{_console.Text}");
            await Task.Delay(TimeSpan.FromMilliseconds(2), EventLoop.Clock);
        }
    }

    private async Task<T> WithinAsync<T>(string what, Task<T> task)
    {
        await UntilAsync(what, () => task.IsCompleted);
        return await task;
    }

    /// <summary>A back end's disk, served by a thread of its own.</summary>
    private sealed class DiskServer : IDisposable
    {
        private readonly TestDisk _disk;
        private readonly Thread _thread;
        private volatile bool _isEnding;

        public DiskServer(TestDisk disk)
        {
            _disk = disk;
            _thread = new(() =>
            {
                while (!_isEnding)
                {
                    disk.Serve();
                    disk.Ring.FinalCheck();
                    Thread.Sleep(1);
                }
            })
            { IsBackground = true, Name = "disk" };
            _thread.Start();
        }

        public void Dispose()
        {
            _isEnding = true;
            _thread.Join();
            _disk.Dispose();
        }
    }
}
