namespace Xenlet.Kernel.Nucleus.Threads;

/// <summary>A thread's entry in a <see cref="WaitQueue"/>.</summary>
internal unsafe struct WaitEntry
{
    public Thread* Thread;

    public WaitQueue* Queue;

    /// <summary>The neighbours in the queue.</summary>
    public WaitEntry* Next;

    public WaitEntry* Previous;

    /// <summary>The same thread's entry in another queue.</summary>
    public WaitEntry* NextOfThread;

    /// <summary>What the thread waits for, if the queue serves several things: the address of a futex.</summary>
    public ulong Key;

    /// <summary>Which wake-ups of <see cref="Key"/> apply: a futex's bit set.</summary>
    public uint Bits;
}
