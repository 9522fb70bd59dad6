using Xenlet.NetworkPeer;

namespace Xenlet.NetworkBench;

/// <summary>The interface eth0 of a Linux guest, by a packet socket with many frames to a system call.</summary>
internal sealed class Network : IAsyncDisposable
{
    private const string Name = "eth0";

    private readonly RawSocket _socket = new(Name, BenchFrame.EtherType);
    private readonly FrameBatch _batch = new();
    private readonly byte[] _own = BenchFrame.ParseAddress(File.ReadAllText($"/sys/class/net/{Name}/address"));
    private byte[] _peer = [];

    private Network()
    {
    }

    public static Task<Network> OpenAsync() => Task.FromResult(new Network());

    /// <summary>Waits until dom0 asks for a run, and tells it that the run can begin.</summary>
    public Task AwaitBeginAsync(int run)
    {
        bool hasBegun = false;
        while (!hasBegun)
        {
            int count = _socket.Receive(_batch, Timeout.Infinite);
            for (int i = 0; i < count; i++)
            {
                if (BenchFrame.KindOf(_batch[i], run) == FrameKind.Begin)
                {
                    hasBegun = true;
                    _peer = BenchFrame.SourceOf(_batch[i]).ToArray();
                }
            }
        }

        Fill(BenchFrame.Shortest, FrameKind.Ready, run);
        _socket.Send(_batch, 1);
        return Task.CompletedTask;
    }

    /// <summary>Asks a guest for a run until it is ready.</summary>
    public Task BeginAsync(int run, byte[] peer)
    {
        const int BetweenAttempts = 100;
        _peer = peer;
        while (true)
        {
            Fill(BenchFrame.Shortest, FrameKind.Begin, run);
            _socket.Send(_batch, 1);
            int count;
            while ((count = _socket.Receive(_batch, BetweenAttempts)) != 0)
            {
                for (int i = 0; i < count; i++)
                {
                    if (BenchFrame.KindOf(_batch[i], run) == FrameKind.Ready)
                    {
                        return Task.CompletedTask;
                    }
                }
            }
        }
    }

    /// <summary>Says that it was all.</summary>
    public ValueTask EndAsync(int run)
    {
        Fill(BenchFrame.Shortest, FrameKind.End, run);
        _socket.Send(_batch, 1);
        return default;
    }

    /// <summary>Sends frames to the other end of the run.</summary>
    public Task SendAsync(int run, int size, int count)
    {
        Fill(size, FrameKind.Data, run);
        _socket.Send(_batch, count);
        return Task.CompletedTask;
    }

    /// <summary>Receives until the other end says that it was all.</summary>
    public Task ReceiveAsync(Arrivals arrivals)
    {
        while (!arrivals.HasEnded)
        {
            int count = _socket.Receive(_batch, Timeout.Infinite);
            for (int i = 0; i < count; i++)
            {
                arrivals.Add(_batch[i]);
            }

            arrivals.TakeTime();
        }

        return Task.CompletedTask;
    }

    public ValueTask DisposeAsync()
    {
        _socket.Dispose();
        _batch.Dispose();
        return ValueTask.CompletedTask;
    }

    private void Fill(int size, FrameKind kind, int run) => _batch.Fill(size, frame => BenchFrame.Write(frame, _peer, _own, kind, run));
}
