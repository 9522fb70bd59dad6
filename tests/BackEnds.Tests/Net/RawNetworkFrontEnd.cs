using Xenlet.BackEnds.Net;
using Xenlet.Drivers.Tests;
using Xenlet.Kernel;

namespace Xenlet.BackEnds.Tests.Net;

/// <summary>A front end that puts anything into its rings, with the server of a network back end.</summary>
internal sealed class RawNetworkFrontEnd : IAsyncDisposable
{
    private const ushort Self = 1;
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private readonly TestChannel _transmitChannel;
    private readonly TestChannel _receiveChannel;
    private readonly FrontEndPages _pages;
    private readonly IEventChannel[] _channels;
    private readonly NetworkServer _server;
    private readonly ReceiveServer _receive;
    private readonly FrontEndPort _port;
    private readonly TaskCompletionSource<Exception> _failed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private bool _hasLeft;

    public RawNetworkFrontEnd(
        NetworkOffloads offloads = NetworkOffloads.None, bool takesChains = true, bool filters = false, BackEndLimits? limits = null,
        IFramePort? network = null, SendRate? rate = null, bool notifies = true, ushort domain = 0,
        Func<IFramePort, IFramePort>? connect = null)
    {
        limits ??= new();
        Machine = new BackEndMachine(Front, Self);
        TransmitPage = (TestPage)Front.Allocate();
        ReceivePage = (TestPage)Front.Allocate();
        Transmit = new FrontRing<TransmitRequest, TransmitResponse>([TransmitPage]);
        Receive = new FrontRing<ReceiveRequest, ReceiveResponse>([ReceivePage]);
        _transmitChannel = (TestChannel)Front.AllocateUnbound(Self);
        _receiveChannel = (TestChannel)Front.AllocateUnbound(Self);
        _pages = new FrontEndPages(Machine, domain: 0, limits.MappedPages);
        uint[] references = [TransmitPage.Grant(Self).Reference, ReceivePage.Grant(Self).Reference];
        IForeignPage[] mapped = _pages.MapAsync(references, CancellationToken.None).AsTask().GetAwaiter().GetResult();
        _channels = [Machine.BindInterdomain(0, _transmitChannel.Port), Machine.BindInterdomain(0, _receiveChannel.Port)];
        Counters = new();
        _port = new FrontEndPort(limits, Counters);
        Network.FrontEnd = _port;
        network ??= connect?.Invoke(_port) ?? Network;
        MulticastFilter filter = new(filters);
        TransmitServer transmit = new(
            new BackRing<TransmitRequest, TransmitResponse>([mapped[0]]), Machine, domain, _channels[0], new FramePool(), filter,
            network, Counters, rate ?? new(TimeProvider.System));
        _receive = new(
            new BackRing<ReceiveRequest, ReceiveResponse>([mapped[1]]), Machine, domain, _channels[1], _port.Queue,
            new FrontEndFeatures(takesChains, offloads, filters, notifies), Counters);
        _server = new NetworkServer(transmit, _channels[0], _receive, _channels[1], _ => Spurious++);
        _port.Open(filter, _receive);
        _server.Start(_failed.SetResult);
    }

    public TestMachine Front { get; } = new();

    public BackEndMachine Machine { get; }

    public TestNetwork Network { get; } = new();

    public PortCounters Counters { get; }

    public TestPage TransmitPage { get; }

    public TestPage ReceivePage { get; }

    public FrontRing<TransmitRequest, TransmitResponse> Transmit { get; }

    public FrontRing<ReceiveRequest, ReceiveResponse> Receive { get; }

    public int Spurious { get; private set; }

    /// <summary>With what the connection fails.</summary>
    public Task<Exception> FailureAsync => _failed.Task.WaitAsync(Patience);

    public bool HasFailed => _failed.Task.IsCompleted;

    /// <summary>A page that the back end's domain may use, with its reference.</summary>
    public (TestPage Page, uint Reference) Grant()
    {
        TestPage page = (TestPage)Front.Allocate();
        return (page, page.Grant(Self).Reference);
    }

    /// <summary>Puts requests into the ring of sent frames, without a word to the back end.</summary>
    public void Put(params IEnumerable<TransmitRequest> requests)
    {
        foreach (TransmitRequest request in requests)
        {
            Transmit.Put(request);
        }
    }

    /// <summary>Publishes requests of both rings, and notifies the back end.</summary>
    public void Publish()
    {
        Transmit.Publish();
        Receive.Publish();
        _transmitChannel.Notify();
        _receiveChannel.Notify();
    }

    /// <summary>The next responses to sent frames.</summary>
    public Task<TransmitResponse[]> AnswersAsync(int count) => Transmit.TakeAsync(_transmitChannel, count);

    /// <summary>The next slots of received frames.</summary>
    public Task<ReceiveResponse[]> ReceivedAsync(int count) => Receive.TakeAsync(_receiveChannel, count);

    /// <summary>What ends the delivery of frames that come straight. Afterwards the event channel may be closed.</summary>
    public void EndDelivery() => _receive.Close();

    /// <summary>Ends the serving, of which the switch is not told.</summary>
    public async Task LeaveAsync()
    {
        if (!_hasLeft)
        {
            _hasLeft = true;
            await _server.StopAsync().WaitAsync(Patience);
            _port.Close();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await LeaveAsync();
        _pages.Dispose();
        Assert.All(_channels, channel => channel.Dispose());
        Assert.Equal((0, 0), (Machine.Mapped, Machine.Channels));
    }
}
