namespace Xenlet.Drivers.Block;

/// <summary>How far a disk is with its back end.</summary>
internal enum BlockState
{
    /// <summary>There is no connection, or not yet: at the beginning, and after a resume. Operations wait.</summary>
    Connecting,

    Connected,

    /// <summary>For good.</summary>
    Gone,
}
