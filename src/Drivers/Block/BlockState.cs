namespace Xenlet.Drivers.Block;

/// <summary>The state of a disk's connection to its back end.</summary>
internal enum BlockState
{
    /// <summary>There is no complete connection: at the beginning, and after a resume. Operations wait.</summary>
    Connecting,

    Connected,

    /// <summary>The disk has ended, for ever.</summary>
    Gone,
}
