namespace Xenlet.Drivers.Block;

/// <summary>What a connection needs of its disk.</summary>
internal interface IBlockSink
{
    /// <summary>
    /// The back end has answered a request. Called by <see cref="BlockConnection.TakeResponses"/>, with the disk's lock held. The slot is
    /// free when this returns.
    /// </summary>
    void Completed(BlockSlot slot, BlockStatus status);

    /// <summary>
    /// An event has ended the connection's wait. The disk takes the responses and begins the next wait
    /// (<see cref="BlockConnection.BeginWait"/>).
    /// </summary>
    /// <returns>Whether the next wait has already ended, so that the caller calls this again.</returns>
    bool OnEvent(BlockConnection connection);
}
