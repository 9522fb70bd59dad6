using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Ends;
using Xenlet.Kernel.Nucleus.Linux.Signals;
using Xenlet.Kernel.Nucleus.Memory;
using Xenlet.Kernel.Nucleus.Platform.Random;
using Xenlet.Kernel.Nucleus.Platform.Xen;
using Xenlet.Kernel.Nucleus.Xen.Abi;

namespace Xenlet.Kernel.Nucleus.Calls;

/// <summary>
/// The nucleus's own calls, through which the managed face (namespace Xenlet.Kernel) reaches what Linux has no call for. A call answers
/// 0 or a number, or a negative errno: -ENOSYS for a number that is not here, -ENODEV for what needs Xen without Xen, -EBADF for an
/// event channel port and -EINVAL for a page or grant that is not the program's, -EFAULT for a pointer that is not.
/// </summary>
/// <remarks>
/// Event channel ports and grant references are given out as handles, of <see cref="DomainGeneration"/>: their lower 32 bits are the
/// number. A handle of before a resume answers -ESTALE: what it named has ended.
/// </remarks>
internal static class NucleusCall
{
    /// <summary>Numbers from here on are the nucleus's own: all that Linux uses are below.</summary>
    public const int First = 0x10000;

    /// <summary>
    /// (): the handle of a signalled event channel port of the program, which is taken, or waits for one. For one thread; a second gets
    /// -EAGAIN.
    /// </summary>
    public const int WaitForEvent = First;

    /// <summary>(domain): the handle of a new port that the domain may bind to.</summary>
    public const int AllocateUnboundPort = First + 1;

    /// <summary>(domain, remote port): the handle of a new port joined to a port that the domain left unbound for us.</summary>
    public const int BindInterdomainPort = First + 2;

    /// <summary>
    /// (port number): makes a port that the tool stack bound for us the program's, and gives its handle. -EPERM for the nucleus's own,
    /// -EBUSY when it is the program's.
    /// </summary>
    public const int AdoptPort = First + 3;

    /// <summary>(port handle): closes a port; an adopted one is let go and stays open.</summary>
    public const int ClosePort = First + 4;

    /// <summary>(port handle): asks for the port's next event. One event is delivered for each time of asking.</summary>
    public const int AskForEvent = First + 5;

    /// <summary>(port handle): signals the other end.</summary>
    public const int NotifyPort = First + 6;

    /// <summary>(): address of a new page of zeros that can be granted.</summary>
    public const int AllocatePage = First + 7;

    /// <summary>
    /// (address): gives back a page of <see cref="AllocatePage"/> or <see cref="MapStorePage"/>. -EBUSY while it is granted.
    /// </summary>
    public const int ReleasePage = First + 8;

    /// <summary>(domain, address, read only?): the handle of a grant reference for a page of <see cref="AllocatePage"/>.</summary>
    public const int GrantPage = First + 9;

    /// <summary>(reference handle): ends a grant. -EBUSY while the other domain has the page mapped.</summary>
    public const int EndGrant = First + 10;

    /// <summary>(): address of the xenstore ring's page. -ENOENT when the domain has none, -EBUSY when the program has it.</summary>
    public const int MapStorePage = First + 11;

    /// <summary>(): the number of the port of the xenstore ring, to be adopted. -ENOENT when the domain has none.</summary>
    public const int StorePort = First + 12;

    /// <summary>(pointer): writes a <see cref="HypervisorFacts"/>; without Xen too.</summary>
    public const int ReadHypervisorFacts = First + 13;

    /// <summary>(pointer): writes a <see cref="NucleusStatistics"/>; without Xen too.</summary>
    public const int ReadStatistics = First + 14;

    /// <summary>
    /// (<see cref="XenShutdown"/>): ends the guest at once, without Xen too. Returns -EINVAL for other reasons than power-off, reboot and
    /// crash.
    /// </summary>
    public const int Shutdown = First + 15;

    /// <summary>
    /// (): suspends the domain, and returns when it runs again: the number of the generation that began, above 0, in a new domain; 0 when
    /// the suspend was cancelled and nothing has changed.
    /// </summary>
    public const int Suspend = First + 16;

    /// <summary>
    /// (reboot?): sends SIGTERM to the program, without Xen too; when it has ended the guest is switched off, or started again.
    /// </summary>
    public const int Terminate = First + 17;

    /// <summary>
    /// (): waits until SIGTERM meets its default action, which the calling thread then carries out; without Xen too. For one thread; a
    /// second gets -EAGAIN.
    /// </summary>
    public const int WaitForTermination = First + 18;

    /// <summary>
    /// (pointer, count): writes up to so many <see cref="NucleusThreadRecord"/>, the calling thread's first; without Xen too. Answers how
    /// many threads there are.
    /// </summary>
    public const int ReadThreads = First + 19;

    /// <summary>(pointer): writes a <see cref="NucleusMemoryRecord"/>; without Xen too.</summary>
    public const int ReadMemory = First + 20;

    /// <summary>(pointer): writes the 16 bytes of <see cref="GenerationId.Value"/>; without Xen too.</summary>
    public const int ReadGenerationId = First + 21;

    /// <summary>
    /// (number): lets the number-th of the calling thread's requests for memory from now on fail, 0 for none. Answers what was left of the
    /// number before, 0 when that request has failed. Only in an image of tests, <see cref="Image.HasTestCalls"/>; -ENOSYS in all others.
    /// </summary>
    public const int FailNth = First + 0x1000;

    public static long Dispatch(ulong number, ulong a1, ulong a2, ulong a3)
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
            case AskForEvent:
                return hasXen ? NucleusCallEvents.Ask(a1) : withoutXen;
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
            default:
                return -Errno.ENOSYS;
        }
    }
}
