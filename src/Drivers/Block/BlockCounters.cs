namespace Xenlet.Drivers.Block;

/// <summary>The numbers behind <see cref="BlockStatistics"/>, guarded by the disk's lock.</summary>
internal sealed class BlockCounters
{
    private long _reads;
    private long _readBytes;
    private long _writes;
    private long _writtenBytes;
    private long _flushes;
    private long _discards;
    private long _failures;
    private long _cancellations;

    public long Connections { get; set; }

    /// <summary>An operation has ended.</summary>
    public void Count(BlockOperation operation)
    {
        switch (operation)
        {
            case { Error: OperationCanceledException }:
                _cancellations++;
                break;
            case { Error: not null }:
                _failures++;
                break;
            case { Kind: BlockRequestKind.Read }:
                _reads++;
                _readBytes += operation.Length;
                break;
            case { Kind: BlockRequestKind.Write }:
                _writes++;
                _writtenBytes += operation.Length;
                break;
            case { Kind: BlockRequestKind.Discard }:
                _discards++;
                break;
            default:
                _flushes++;
                break;
        }
    }

    public BlockStatistics Read() => new()
    {
        Reads = _reads,
        ReadBytes = _readBytes,
        Writes = _writes,
        WrittenBytes = _writtenBytes,
        Flushes = _flushes,
        Discards = _discards,
        Failures = _failures,
        Cancellations = _cancellations,
        Connections = Connections,
    };
}
