using Xenlet.Domain;
using Xenlet.Drivers;

namespace Xenlet.NetworkBench;

/// <summary>The first network interface of a Xenlet, by the network driver as every program has it.</summary>
internal sealed class Network : IAsyncDisposable
{
    /// <summary>So many frames are given to the back end at a time, as many as Linux's program gives to its kernel.</summary>
    private const int Batch = 64;

    private readonly DomainServices _services;
    private readonly NetworkInterface _interface;
    private readonly byte[] _own = new byte[BenchFrame.AddressSize];
    private byte[] _peer = [];

    private Network(DomainServices services, NetworkInterface network)
    {
        _services = services;
        _interface = network;
        network.Address.CopyTo(_own);
    }

    public static async Task<Network> OpenAsync()
    {
        DomainServices services = await DomainServices.StartAsync(Kernel.Guest.Machine);
        return new Network(services, await services.Interfaces.WaitForAsync("vif0"));
    }

    /// <summary>Waits until dom0 asks for a run, and tells it that the run can begin.</summary>
    public async Task AwaitBeginAsync(int run)
    {
        bool hasBegun = false;
        while (!hasBegun)
        {
            using FrameBuffer frame = await _interface.ReceiveAsync();
            if (BenchFrame.KindOf(frame.Data, run) == FrameKind.Begin)
            {
                hasBegun = true;
                _peer = BenchFrame.SourceOf(frame.Data).ToArray();
            }
        }

        await _interface.SendAsync(Frame(BenchFrame.Shortest, FrameKind.Ready, run));
    }

    /// <summary>Asks a guest for a run until it is ready.</summary>
    public async Task BeginAsync(int run, byte[] peer)
    {
        _peer = peer;
        while (true)
        {
            await _interface.SendAsync(Frame(BenchFrame.Shortest, FrameKind.Begin, run));
            await Task.Delay(TimeSpan.FromMilliseconds(100));
            while (_interface.TryReceive(out FrameBuffer? frame))
            {
                using (frame)
                {
                    if (BenchFrame.KindOf(frame.Data, run) == FrameKind.Ready)
                    {
                        return;
                    }
                }
            }
        }
    }

    /// <summary>Says that it was all.</summary>
    public ValueTask EndAsync(int run) => _interface.SendAsync(Frame(BenchFrame.Shortest, FrameKind.End, run));

    /// <summary>Sends frames to the other end of the run.</summary>
    public async Task SendAsync(int run, int size, int count)
    {
        for (int i = 1; i <= count; i++)
        {
            await _interface.SendAsync(Frame(size, FrameKind.Data, run), hasMore: i % Batch != 0 && i != count);
        }
    }

    /// <summary>Receives until the other end says that it was all.</summary>
    public async Task ReceiveAsync(Arrivals arrivals)
    {
        while (!arrivals.HasEnded)
        {
            FrameBuffer? frame = await _interface.ReceiveAsync();
            do
            {
                using (frame)
                {
                    arrivals.Add(frame.Data);
                }
            }
            while (_interface.TryReceive(out frame));
            arrivals.TakeTime();
        }
    }

    public ValueTask DisposeAsync() => _services.DisposeAsync();

    private FrameBuffer Frame(int size, FrameKind kind, int run)
    {
        FrameBuffer frame = _interface.RentFrame(size);
        frame.Length = size;
        BenchFrame.Write(frame.Data, _peer, _own, kind, run);
        return frame;
    }
}
