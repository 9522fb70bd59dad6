namespace Xenlet.Drivers.Block;

/// <summary>What a connection needs of its disk.</summary>
internal interface IBlockSink
{
    /// <summary>
    /// The back end has answered a request. Called by <see cref="BlockConnection.TakeResponses"/>, below the disk's gate; the slot is free
    /// when this returns.
    /// </summary>
    void Completed(BlockSlot slot, BlockStatus status);

    /// <summary>
    /// An event has ended the connection's wait. The disk takes the responses and begins the next wait
    /// (<see cref="BlockConnection.BeginWait"/>).
    /// </summary>
    /// <returns>Whether the next wait has ended already, so that this is to be called again.</returns>
    bool OnEvent(BlockConnection connection);
}
