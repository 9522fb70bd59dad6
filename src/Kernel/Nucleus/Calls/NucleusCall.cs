using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Ends;
using Xenlet.Kernel.Nucleus.Linux.Signals;
using Xenlet.Kernel.Nucleus.Memory;
using Xenlet.Kernel.Nucleus.Platform.Random;
using Xenlet.Kernel.Nucleus.Platform.Xen;
using Xenlet.Kernel.Nucleus.Xen.Abi;
using Thread = Xenlet.Kernel.Nucleus.Threads.Thread;

namespace Xenlet.Kernel.Nucleus.Calls;

/// <summary>
/// The nucleus's own calls, through which the managed part of the kernel (namespace Xenlet.Kernel) reaches what Linux has no call for. A
/// call returns 0, a number, or a negative errno: -ENOSYS for an unknown call number; -ENODEV if the call needs Xen and there is none;
/// -EBADF for an event channel port, and -EINVAL for a page or grant, that does not belong to the program; -EFAULT for a bad pointer.
/// </summary>
/// <remarks>
/// Event channel ports and grant references are given out as handles of <see cref="DomainGeneration"/>, whose lower 32 bits are the number.
/// A handle from before a resume returns -ESTALE: what it named has ended.
/// </remarks>
internal static unsafe class NucleusCall
{
    /// <summary>The nucleus's own call numbers start here, above all numbers that Linux uses.</summary>
    public const int First = 0x10000;

    /// <summary>
    /// (): takes a signalled event channel port of the program and returns its handle; waits if there is none. For one thread; a second one
    /// gets -EAGAIN.
    /// </summary>
    public const int WaitForEvent = First;

    /// <summary>(domain): the handle of a new port that the domain may bind to.</summary>
    public const int AllocateUnboundPort = First + 1;

    /// <summary>(domain, remote port): the handle of a new port, bound to a port that the domain left unbound for this one.</summary>
    public const int BindInterdomainPort = First + 2;

    /// <summary>
    /// (port number): gives the program a port that the tool stack bound, and returns its handle. -EPERM if the port is the nucleus's,
    /// -EBUSY if the program already has it.
    /// </summary>
    public const int AdoptPort = First + 3;

    /// <summary>(port handle): closes a port. An adopted port is only released and stays open.</summary>
    public const int ClosePort = First + 4;

    /// <summary>(port handle): unmasks the port. Each call of this lets one event be delivered.</summary>
    public const int UnmaskPort = First + 5;

    /// <summary>(port handle): signals the other end.</summary>
    public const int NotifyPort = First + 6;

    /// <summary>(): the address of a new zeroed page that can be granted.</summary>
    public const int AllocatePage = First + 7;

    /// <summary>
    /// (address): releases a page of <see cref="AllocatePage"/> or <see cref="MapStorePage"/>. -EBUSY while it is granted.
    /// </summary>
    public const int ReleasePage = First + 8;

    /// <summary>(domain, address, read only?): the handle of a grant reference for a page of <see cref="AllocatePage"/>.</summary>
    public const int GrantPage = First + 9;

    /// <summary>(reference handle): ends a grant. -EBUSY while the other domain has the page mapped.</summary>
    public const int EndGrant = First + 10;

    /// <summary>
    /// (): the address of the xenstore ring's page. -ENOENT if the domain has none, -EBUSY if the program already has it.
    /// </summary>
    public const int MapStorePage = First + 11;

    /// <summary>(): the port number of the xenstore ring, for <see cref="AdoptPort"/>. -ENOENT if the domain has none.</summary>
    public const int StorePort = First + 12;

    /// <summary>(pointer): writes a <see cref="HypervisorFacts"/>. Works without Xen.</summary>
    public const int ReadHypervisorFacts = First + 13;

    /// <summary>(pointer): writes a <see cref="NucleusStatistics"/>. Works without Xen.</summary>
    public const int ReadStatistics = First + 14;

    /// <summary>
    /// (<see cref="XenShutdown"/>): ends the guest at once. Works without Xen. Returns -EINVAL for reasons other than power-off, reboot and
    /// crash.
    /// </summary>
    public const int Shutdown = First + 15;

    /// <summary>
    /// (): suspends the domain and returns when it runs again: in a new domain, the number of the generation that began, above 0; 0 if the
    /// suspend was cancelled and nothing has changed.
    /// </summary>
    public const int Suspend = First + 16;

    /// <summary>
    /// (reboot?): sends SIGTERM to the program. When the program has ended, the guest powers off or reboots. Works without Xen.
    /// </summary>
    public const int Terminate = First + 17;

    /// <summary>
    /// (): waits until SIGTERM's default action is due, which the calling thread must then carry out. Works without Xen. For one thread; a
    /// second one gets -EAGAIN.
    /// </summary>
    public const int WaitForTermination = First + 18;

    /// <summary>
    /// (pointer, count): writes up to that many <see cref="NucleusThreadRecord"/>, the calling thread's first, and returns the number of
    /// threads. Works without Xen.
    /// </summary>
    public const int ReadThreads = First + 19;

    /// <summary>(pointer): writes a <see cref="NucleusMemoryRecord"/>. Works without Xen.</summary>
    public const int ReadMemory = First + 20;

    /// <summary>(pointer): writes the 16 bytes of <see cref="GenerationId.Value"/>. Works without Xen.</summary>
    public const int ReadGenerationId = First + 21;

    /// <summary>
    /// (): makes the caller the stack of all sockets. Works without Xen, as all calls of sockets. -EBUSY if there is one.
    /// </summary>
    public const int OpenStack = First + 22;

    /// <summary>(): the stack has ended, and so have all sockets (ENETDOWN).</summary>
    public const int CloseStack = First + 23;

    /// <summary>
    /// (pointer, count, deadline): takes up to that many <see cref="Linux.Sockets.RequestRecord"/> and returns how many; waits if there is
    /// none, and returns 0 then: the next call takes what there is. The deadline is one of CLOCK_MONOTONIC.
    /// <see cref="Linux.Sockets.StackRequests.EventPending"/> is added when <see cref="TakeWatchedPort"/> has something to take.
    /// </summary>
    public const int WaitForSockets = First + 24;

    /// <summary>(): ends the current wait of the stack, or else the next one.</summary>
    public const int WakeStack = First + 25;

    /// <summary>(port handle): from now on the port's events end the stack's wait. Needs Xen.</summary>
    public const int WatchPort = First + 26;

    /// <summary>(): takes a signalled port that is watched, and returns its handle; -EAGAIN if there is none.</summary>
    public const int TakeWatchedPort = First + 27;

    /// <summary>
    /// (socket, errno, time): answers the socket's control call; 0 is success. The time is when a file's content last changed, in
    /// nanoseconds since 1970.
    /// </summary>
    public const int CompleteSocketCall = First + 28;

    /// <summary>(socket, pointer, remote?): sets an <see cref="Linux.Sockets.EndpointRecord"/>.</summary>
    public const int SetSocketEndpoint = First + 29;

    /// <summary>(socket, pointer): writes the <see cref="Linux.Sockets.SocketOptionValues"/>.</summary>
    public const int ReadSocketOptions = First + 30;

    /// <summary>(socket, errno): the connection has ended, or an error concerns a datagram.</summary>
    public const int FailSocket = First + 31;

    /// <summary>(socket): the stack needs a closed socket no more.</summary>
    public const int ReleaseSocket = First + 32;

    /// <summary>(socket, <see cref="NucleusCallSockets.Length"/>): a number of bytes or connections.</summary>
    public const int SocketLength = First + 33;

    /// <summary>(socket, offset, buffer, count): copies bytes that the program has written.</summary>
    public const int CopySent = First + 34;

    /// <summary>(socket, count): written bytes are needed no more.</summary>
    public const int ReleaseSent = First + 35;

    /// <summary>(socket, offset, buffer, count): writes received bytes behind the committed ones. -ENOBUFS if there is no room.</summary>
    public const int WriteReceived = First + 36;

    /// <summary>(socket, count): the program may read so many more bytes.</summary>
    public const int CommitReceived = First + 37;

    /// <summary>(socket): the peer sends nothing more.</summary>
    public const int FinishReceive = First + 38;

    /// <summary>
    /// (listening socket, pointer to two <see cref="Linux.Sockets.EndpointRecord"/>, local and remote): the handle of a new connection's
    /// socket. -EAGAIN if the queue is full or there is no memory.
    /// </summary>
    public const int OfferSocket = First + 39;

    /// <summary>
    /// (socket, pointer to a <see cref="Linux.Sockets.DatagramRecord"/>, payload, count): adds a received datagram. -ENOBUFS if there is no
    /// room.
    /// </summary>
    public const int DeliverDatagram = First + 40;

    /// <summary>
    /// (socket, pointer to a <see cref="Linux.Sockets.DatagramRecord"/>, buffer, room): takes the next datagram to send and returns its
    /// length. -EAGAIN if there is none, -EMSGSIZE if it is longer than the room, and stays.
    /// </summary>
    public const int TakeDatagram = First + 41;

    /// <summary>
    /// (): the program ends: its sockets close as with their last descriptors, and its calls for sockets do not return any more.
    /// </summary>
    public const int EndProgram = First + 42;

    /// <summary>
    /// (socket, buffer, count, released): releases written bytes as <see cref="ReleaseSent"/> does, then writes received bytes right behind
    /// the committed ones, and commits them. Returns the room that is left, of <see cref="NucleusCallSockets.Length.ReceiveRoom"/>.
    /// -ENOBUFS if there was none.
    /// </summary>
    public const int AppendReceived = First + 43;

    /// <summary>(IPv4?, IPv6?): whether every address of a family has a route.</summary>
    public const int SetRoutes = First + 44;

    /// <summary>(socket, offset, byte): the peer's urgent data ends with the byte there; -1 if the byte has not come yet.</summary>
    public const int MarkUrgent = First + 45;

    /// <summary>
    /// (socket, pointer to an <see cref="Linux.Sockets.ErrorRecord"/>, payload, count): adds an error about a datagram.
    /// </summary>
    public const int QueueSocketError = First + 46;

    /// <summary>(socket, offset, pointer to iovecs, count): as <see cref="CopySent"/>, to several buffers one after the other.</summary>
    public const int CopySentToPieces = First + 47;

    /// <summary>
    /// (socket, pointer to iovecs, count, released): as <see cref="AppendReceived"/>, from several buffers one after the other; all bytes
    /// or none.
    /// </summary>
    public const int AppendPieces = First + 48;

    /// <summary>
    /// (socket): all that a stream has to send is under way, and more would be. Returns the size of its queue, which may have grown; 0 if
    /// it will not.
    /// </summary>
    public const int GrowSendQueue = First + 49;

    /// <summary>
    /// (pointer, count): maps pages that other domains have granted, as the <see cref="ForeignPageRecord"/> say, each of which receives its
    /// status, and if it is mapped its handle and address. -EINVAL for more than <see cref="NucleusCallForeign.MaximumRecords"/>.
    /// </summary>
    public const int MapForeignPages = First + 0x100;

    /// <summary>
    /// (pointer, count): ends mappings by the handles in <see cref="ForeignPageRecord"/>, each of which receives its status. The addresses
    /// fault from here on, even of a mapping that Xen does not end.
    /// </summary>
    public const int UnmapForeignPages = First + 0x101;

    /// <summary>
    /// (pointer, count, to the other domains?): copies between the program's memory and granted pages, or to them from others, as the
    /// <see cref="ForeignCopyRecord"/> say, each of which receives its status.
    /// </summary>
    public const int CopyForeignPages = First + 0x102;

    /// <summary>
    /// (number): makes the calling thread's memory request with this number fail, counted from now on; 0 for none. Returns the previous
    /// count that was left, or 0 if that request has failed. Only in test images (<see cref="Image.HasTestCalls"/>); -ENOSYS in all others.
    /// </summary>
    public const int FailNth = First + 0x1000;

    public static long Dispatch(Thread* thread, ulong number, ulong a1, ulong a2, ulong a3, ulong a4)
    {
        if (number > int.MaxValue)
        {
            return -Errno.ENOSYS;
        }

        const long withoutXen = -Errno.ENODEV;
        bool hasXen = XenPlatform.IsPresent;
        switch ((int)number)
        {
            case ReadHypervisorFacts:
                return NucleusCallMachine.WriteHypervisorFacts(a1);
            case ReadStatistics:
                return NucleusCallMachine.WriteStatistics(a1);
            case Shutdown:
                return NucleusCallMachine.Shutdown(a1);
            case Terminate:
                return NucleusCallMachine.Terminate(a1);
            case WaitForTermination:
                return Termination.Wait();
            case ReadThreads:
                return NucleusCallDiagnostics.WriteThreads(a1, a2);
            case ReadMemory:
                return NucleusCallDiagnostics.WriteMemory(a1);
            case ReadGenerationId:
                return NucleusCallMachine.WriteGenerationId(a1);
            case FailNth when Image.HasTestCalls:
                return (long)Memory.FailNth.Arm(a1, withStacks: false);

            case WaitForEvent:
                return hasXen ? ProgramEvents.Wait() : withoutXen;
            case AllocateUnboundPort:
                return hasXen ? NucleusCallEvents.AllocateUnbound(a1) : withoutXen;
            case BindInterdomainPort:
                return hasXen ? NucleusCallEvents.BindInterdomain(a1, a2) : withoutXen;
            case AdoptPort:
                return hasXen ? NucleusCallEvents.Adopt(a1) : withoutXen;
            case ClosePort:
                return hasXen ? NucleusCallEvents.Close(a1) : withoutXen;
            case UnmaskPort:
                return hasXen ? NucleusCallEvents.Unmask(a1) : withoutXen;
            case NotifyPort:
                return hasXen ? NucleusCallEvents.Notify(a1) : withoutXen;
            case AllocatePage:
                return hasXen ? SharedPages.Allocate() : withoutXen;
            case ReleasePage:
                return hasXen ? SharedPages.Release(a1) : withoutXen;
            case GrantPage:
                return hasXen ? NucleusCallPages.Grant(a1, a2, a3) : withoutXen;
            case EndGrant:
                return hasXen ? NucleusCallPages.EndGrant(a1) : withoutXen;
            case MapStorePage:
                return hasXen ? NucleusCallPages.MapStore() : withoutXen;
            case StorePort:
                return hasXen ? NucleusCallPages.StorePort() : withoutXen;
            case Suspend:
                return hasXen ? SuspendCall.Run() : withoutXen;
            case MapForeignPages:
                return hasXen ? NucleusCallForeign.Map(a1, a2) : withoutXen;
            case UnmapForeignPages:
                return hasXen ? NucleusCallForeign.Unmap(a1, a2) : withoutXen;
            case CopyForeignPages:
                return hasXen ? NucleusCallForeign.Copy(a1, a2, a3) : withoutXen;
            case >= OpenStack and <= GrowSendQueue:
                return NucleusCallSockets.Dispatch(thread, (int)number, a1, a2, a3, a4);
            default:
                return -Errno.ENOSYS;
        }
    }
}
