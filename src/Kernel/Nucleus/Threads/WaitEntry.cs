namespace Xenlet.Kernel.Nucleus.Threads;

/// <summary>A thread's place in a <see cref="WaitQueue"/>.</summary>
internal unsafe struct WaitEntry
{
    public Thread* Thread;

    public WaitQueue* Queue;

    /// <summary>The neighbours in the queue.</summary>
    public WaitEntry* Next;

    public WaitEntry* Previous;

    /// <summary>The same thread's place in another queue.</summary>
    public WaitEntry* NextOfThread;

    /// <summary>What the thread waits for, where a queue serves several things: the address of a futex.</summary>
    public ulong Key;

    /// <summary>Which wake-ups of <see cref="Key"/> are meant: the bit set of a futex.</summary>
    public uint Bits;
}
