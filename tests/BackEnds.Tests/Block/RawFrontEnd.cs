using Xenlet.BackEnds.Block;
using Xenlet.Drivers.Tests;
using Xenlet.Kernel;

namespace Xenlet.BackEnds.Tests.Block;

/// <summary>A front end that puts any requests into its ring, with the server of a block back end.</summary>
internal sealed class RawFrontEnd : IAsyncDisposable
{
    private const ushort Self = 1;
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private readonly TestChannel _channel;
    private readonly FrontEndPages _pages;
    private readonly BlockServer _server;
    private readonly TaskCompletionSource<Exception> _failed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Task? _stopping;
    private ulong _nextId;

    public RawFrontEnd(IBlockStore store, bool isPersistent = false, bool isReadOnly = false, BackEndLimits? limits = null)
    {
        limits ??= new();
        Machine = new BackEndMachine(Front, Self);
        RingPage = (TestPage)Front.Allocate();
        Ring = new FrontRing<BlockRequest, BlockResponse>([RingPage]);
        uint reference = RingPage.Grant(Self).Reference;
        _channel = (TestChannel)Front.AllocateUnbound(Self);
        _pages = new FrontEndPages(Machine, domain: 0, limits.MappedPages);
        IForeignPage[] mapped = _pages.MapAsync(new[] { reference }, CancellationToken.None).AsTask().GetAwaiter().GetResult();
        BlockTransfer transfer = new(store, isReadOnly, Machine, domain: 0, isPersistent ? _pages : null);
        Channel = Machine.BindInterdomain(0, _channel.Port);
        _server = new BlockServer(new BackRing<BlockRequest, BlockResponse>(mapped), transfer, Channel, limits, _ => Spurious++);
        _server.Start(_failed.SetResult);
    }

    public TestMachine Front { get; } = new();

    public BackEndMachine Machine { get; }

    public TestPage RingPage { get; }

    public FrontRing<BlockRequest, BlockResponse> Ring { get; }

    public IEventChannel Channel { get; }

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

    /// <summary>A read or write of whole pages.</summary>
    public static BlockRequest Move(BlockRequestKind kind, ulong sector, params uint[] references)
    {
        BlockRequest request = new() { Kind = kind, Segments = (byte)references.Length, Sector = sector };
        for (int i = 0; i < Math.Min(references.Length, 11); i++)
        {
            request.Data[i] = new() { Reference = references[i], First = 0, Last = 7 };
        }

        return request;
    }

    /// <summary>Sends a request. Its response comes with the id that this gives.</summary>
    public ulong Send(BlockRequest request)
    {
        request.Id = ++_nextId;
        Ring.Put(request);
        if (Ring.Publish())
        {
            _channel.Notify();
        }

        return request.Id;
    }

    public void Notify() => _channel.Notify();

    /// <summary>The next response.</summary>
    public async Task<BlockResponse> ReceiveAsync() => (await Ring.TakeAsync(_channel, 1))[0];

    public async Task<BlockStatus> DoAsync(BlockRequest request)
    {
        ulong id = Send(request);
        BlockResponse response = await ReceiveAsync();
        Assert.Equal((id, request.Kind == BlockRequestKind.Indirect ? request.IndirectKind : request.Kind), (response.Id, response.Kind));
        return response.Status;
    }

    /// <summary>Waits for what is in the ring, as a new connection to the same store does.</summary>
    public Task DrainAsync() => _server.DrainAsync(CancellationToken.None);

    public Task StopAsync() => _stopping ??= _server.StopAsync();

    public async ValueTask DisposeAsync()
    {
        await StopAsync().WaitAsync(Patience);
        _pages.Dispose();
        Channel.Dispose();
        Assert.Equal((0, 0), (Machine.Mapped, Machine.Channels));
    }
}
