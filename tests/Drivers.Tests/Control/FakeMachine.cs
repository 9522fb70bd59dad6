using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using Xenlet.Kernel;

namespace Xenlet.Drivers.Tests;

/// <summary>A guest of which only xenstore is real: it records all calls.</summary>
internal sealed class FakeMachine(SimulatedDomain domain) : IMachine, IPower, IDiagnostics, IXenStoreLinkFactory
{
    private readonly TestMachine _devices = new();
    private readonly XenStoreTurns _turns = new();

    /// <summary>The calls of <see cref="IPower"/>, in order.</summary>
    public ConcurrentQueue<string> Calls { get; } = new();

    /// <summary>What a suspend does.</summary>
    public Func<SuspendResult> OnSuspend { get; set; } = () => SuspendResult.Cancelled;

    /// <summary>What is done before xenstore is opened.</summary>
    public Action OnOpen { get; set; } = () => { };

    /// <summary>What the search for xenstore after a suspend does.</summary>
    public Action OnFindAgain { get; set; } = () => { };

    /// <summary>What is done when the program ends.</summary>
    public List<Action> ProgramEnds { get; } = [];

    /// <summary>Connections to xenstore that are open.</summary>
    public int OpenLinks { get; private set; }

    /// <summary>How often page and event channel were looked for again.</summary>
    public int Findings { get; private set; }

    public IHypervisor Hypervisor => throw new NotSupportedException();

    public IEventChannels EventChannels => _devices;

    public ISharedPages Pages => _devices;

    public IForeignPages ForeignPages => throw new NotSupportedException();

    public IXenStoreLinkFactory XenStore => this;

    public IPower Power => this;

    public IDiagnostics Diagnostics => this;

    public Func<IReadOnlyList<ThreadReport>> OnReadThreads { get; set; } = () =>
    [
        new() { Id = 3, Name = "console", State = "running", ProcessorTime = TimeSpan.FromMilliseconds(
            1.5), Stack = [0x21_0000, 0x21_1234] },
        new() { Id = 1, Name = "", State = "waiting: futex", ProcessorTime = TimeSpan.Zero, Stack = [0x22_0000] },
    ];

    public IReadOnlyList<ThreadReport> ReadThreads() => OnReadThreads();

    public MemoryReport ReadMemory() => new([new("image", 600), new("stacks", 25)], FreePages: 375, PromisedPages: 100);

    public ConnectionReport ReadConnections() => new([5, 7], SharedPages: 12, Grants: 11, HeldPages: 1);

    // The end returns, so that a test can continue.
#pragma warning disable CS8763
    [DoesNotReturn]
    public void PowerOff() => Calls.Enqueue("power off");

    [DoesNotReturn]
    public void Reboot() => Calls.Enqueue("reboot");

    [DoesNotReturn]
    public void Crash() => Calls.Enqueue("crash");
#pragma warning restore CS8763

    public Guid GenerationId => throw new NotSupportedException();

    public SuspendResult Suspend()
    {
        Calls.Enqueue("suspend");
        return OnSuspend();
    }

    public void Terminate(bool thenReboot) => Calls.Enqueue(thenReboot ? "terminate, then reboot" : "terminate");

    public IDisposable OnProgramEnd(Action last)
    {
        ProgramEnds.Add(last);
        return new Taken(() => ProgramEnds.Remove(last));
    }

    public IXenStoreLink Open()
    {
        _turns.Take();
        try
        {
            return OpenLink(_turns.GiveBack);
        }
        catch
        {
            _turns.GiveBack();
            throw;
        }
    }

    public IXenStoreLink? TryOpen(IXenStoreStandIn standIn) => _turns.TryStandIn(standIn) ? OpenLink(() => { }) : null;

    private Link OpenLink(Action giveBack)
    {
        OnOpen();
        if (OpenLinks > 0)
        {
            throw new XenException("opening the connection to xenstore", XenErrno.EBUSY);
        }

        OpenLinks++;
        return new Link(this, domain, giveBack);
    }

    private sealed class Taken(Action back) : IDisposable
    {
        public void Dispose() => back();
    }

    private sealed class Link(FakeMachine machine, SimulatedDomain domain, Action giveBack) : IXenStoreLink
    {
        public ISharedPage Page { get; } = new RingPage(domain);

        public IEventChannel Events { get; } = new Bell(domain);

        public void FindAgain()
        {
            machine.Findings++;
            machine.OnFindAgain();
        }

        public void Dispose()
        {
            machine.OpenLinks--;
            giveBack();
        }
    }

    private sealed class RingPage(SimulatedDomain domain) : ISharedPage
    {
        public ulong Frame => 1;

        public unsafe Span<byte> Span => new(domain.Page, ISharedPage.Size);

        public Memory<byte> Memory => throw new NotSupportedException();

        public IGrant Grant(ushort domain, bool isReadOnly = false) => throw new NotSupportedException();

        public void Dispose()
        {
        }
    }

    private sealed class Bell : IEventChannel
    {
        private readonly SimulatedDomain _domain;

        // Without the pool, like the kernel's.
        private readonly AsyncSignal _rung = new();

        public Bell(SimulatedDomain domain)
        {
            _domain = domain;
            domain.Notified += _rung.Set;
        }

        public uint Port => 1;

        public void Notify() => _domain.Notify();

        public ValueTask WaitAsync(CancellationToken cancellationToken = default) => _rung.WaitAsync(cancellationToken);

        public bool ReportSpurious() => false;

        public void Dispose()
        {
        }
    }
}
