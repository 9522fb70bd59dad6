namespace Xenlet.BackEnds.Tests;

/// <summary>A store whose operations wait until the test lets them go on, and fail if it says so.</summary>
internal sealed class HeldStore(IBlockStore below) : IBlockStore
{
    private readonly Lock _lock = new();
    private readonly Queue<TaskCompletionSource> _waiting = new();

    public long Length => below.Length;

    public int SectorSize => below.SectorSize;

    public bool IsReadOnly => below.IsReadOnly;

    public bool CanDiscard => below.CanDiscard;

    /// <summary>Whether operations wait.</summary>
    public bool Holds { get; set; } = true;

    /// <summary>What operations throw.</summary>
    public Exception? Failure { get; set; }

    /// <summary>Operations that wait.</summary>
    public int Waiting
    {
        get
        {
            lock (_lock)
            {
                return _waiting.Count;
            }
        }
    }

    /// <summary>The most that waited at a time.</summary>
    public int Most { get; private set; }

    /// <summary>Lets the operation that has waited longest go on.</summary>
    public void Release()
    {
        TaskCompletionSource first;
        lock (_lock)
        {
            first = _waiting.Dequeue();
        }

        first.SetResult();
    }

    public async ValueTask ReadAsync(long offset, Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        await WaitAsync();
        await below.ReadAsync(offset, buffer, cancellationToken);
    }

    public async ValueTask WriteAsync(long offset, ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        await WaitAsync();
        await below.WriteAsync(offset, buffer, cancellationToken);
    }

    public async ValueTask FlushAsync(CancellationToken cancellationToken = default)
    {
        await WaitAsync();
        await below.FlushAsync(cancellationToken);
    }

    public async ValueTask DiscardAsync(long offset, long length, CancellationToken cancellationToken = default)
    {
        await WaitAsync();
        await below.DiscardAsync(offset, length, cancellationToken);
    }

    private Task WaitAsync()
    {
        if (Failure is { } failure)
        {
            throw failure;
        }

        lock (_lock)
        {
            if (!Holds)
            {
                return Task.CompletedTask;
            }

            TaskCompletionSource waiting = new(TaskCreationOptions.RunContinuationsAsynchronously);
            _waiting.Enqueue(waiting);
            Most = Math.Max(Most, _waiting.Count);
            return waiting.Task;
        }
    }
}
