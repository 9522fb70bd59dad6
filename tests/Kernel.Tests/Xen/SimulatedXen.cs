using System.Runtime.InteropServices;

namespace Xenlet.Kernel.Tests.Xen;

/// <summary>
/// The hypervisor's side of the 2-level event channels, step for step as Xen's event_2l.c has it, on a shared page of its own.
/// Safe to be used by several threads, as the domains that signal are.
/// </summary>
internal sealed unsafe class SimulatedXen : IDisposable
{
    public SimulatedXen()
    {
        Shared = (shared_info*)NativeMemory.AlignedAlloc(4096, 4096);
        NativeMemory.Clear(Shared, 4096);
        Machine.Hypervisor = Answer;
    }

    public shared_info* Shared { get; }

    /// <summary>True while the guest would be interrupted.</summary>
    public bool UpcallIsRaised => Volatile.Read(ref Shared->vcpu0.evtchn_upcall_pending) != 0;

    /// <summary>Ports on which the guest sent.</summary>
    public List<uint> Sent { get; } = [];

    /// <summary>Run by EVTCHNOP_unmask before it does anything.</summary>
    public Action<uint>? BeforeUnmask { get; set; }

    /// <summary>evtchn_2l_set_pending(); true when the event was not pending before.</summary>
    public bool Signal(uint port)
    {
        if (TestAndSet(&Shared->evtchn_pending[port / 64], port % 64))
        {
            return false;
        }

        if (!Test(&Shared->evtchn_mask[port / 64], port % 64))
        {
            Raise(port);
        }

        return true;
    }

    public void Dispose()
    {
        Machine.Reset();
        NativeMemory.AlignedFree(Shared);
    }

    private long Answer(HostHypercall call)
    {
        Assert.Equal(HypercallNumber.__HYPERVISOR_event_channel_op, call.Number);
        uint port = HostHypercall.At<uint>(call.A2);
        switch ((uint)call.A1)
        {
            case EventChannelOp.EVTCHNOP_send:
                Sent.Add(port);
                return 0;
            case EventChannelOp.EVTCHNOP_unmask:
                BeforeUnmask?.Invoke(port);
                if (TestAndClear(&Shared->evtchn_mask[port / 64], port % 64) && Test(&Shared->evtchn_pending[port / 64], port % 64))
                {
                    Raise(port);
                }

                return 0;
            default:
                return -Errno.ENOSYS;
        }
    }

    private void Raise(uint port)
    {
        if (!TestAndSet(&Shared->vcpu0.evtchn_pending_sel, port / 64))
        {
            Volatile.Write(ref Shared->vcpu0.evtchn_upcall_pending, 1);
        }
    }

    private static bool Test(ulong* word, uint bit) => (Volatile.Read(ref *word) & (1UL << (int)bit)) != 0;

    private static bool TestAndSet(ulong* word, uint bit) => (Interlocked.Or(ref *word, 1UL << (int)bit) & (1UL << (int)bit)) != 0;

    private static bool TestAndClear(ulong* word, uint bit) => (Interlocked.And(ref *word, ~(1UL << (int)bit)) & (1UL << (int)bit)) != 0;
}
