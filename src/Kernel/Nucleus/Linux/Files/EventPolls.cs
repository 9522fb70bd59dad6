using System.Runtime.CompilerServices;
using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Linux.Abi;
using Xenlet.Kernel.Nucleus.Memory;
using Xenlet.Kernel.Nucleus.Platform;
using Xenlet.Kernel.Nucleus.Threads;
using Thread = Xenlet.Kernel.Nucleus.Threads.Thread;

namespace Xenlet.Kernel.Nucleus.Linux.Files;

/// <summary>An epoll set.</summary>
internal unsafe struct EventPoll
{
    /// <summary>The maximum number of descriptors in a set.</summary>
    public const int Capacity = 16;

    /// <summary>Open descriptors of the set; 0 if the set is unused.</summary>
    public int References;

    public Entries Members;

    /// <summary>Threads that wait for the set: its members may change.</summary>
    public WaitQueue Waiters;

    [InlineArray(Capacity)]
    public struct Entries
    {
        private Member _first;
    }

    /// <summary>A watched descriptor.</summary>
    public struct Member
    {
        public int Descriptor;
        public uint Events;

        /// <summary>The value returned to the program.</summary>
        public ulong Data;

        public bool IsUsed;
    }
}

/// <summary>
/// epoll, level-triggered. The socket library creates a set before its first socket, and only a refused socket gives the error that .NET
/// programs expect.
/// </summary>
internal static unsafe class EventPolls
{
    private const int Capacity = 4;
    private const int EPOLL_CTL_ADD = 1;
    private const int EPOLL_CTL_DEL = 2;
    private const int EPOLL_CTL_MOD = 3;
    private const uint ReadyBits = 0x1f;

    private static Sets s_sets;

    public static long Create()
    {
        for (int i = 0; i < Capacity; i++)
        {
            EventPoll* set = At(i);
            if (set->References == 0)
            {
                long descriptor = FileTable.Open(FileKind.EventPoll, 0, null);
                if (descriptor >= 0)
                {
                    Machine.Fill(set, 0, (nuint)sizeof(EventPoll));
                    set->References = 1;
                    FileTable.Get((int)descriptor)->EventPoll = set;
                }

                return descriptor;
            }
        }

        return -Errno.EMFILE;
    }

    /// <summary>Called when a descriptor of the set was closed.</summary>
    public static void Release(EventPoll* set)
    {
        set->References--;
        WaitQueue.WakeAll(&set->Waiters);
    }

    /// <summary>Removes a closed descriptor from all sets.</summary>
    public static void Forget(int descriptor)
    {
        for (int i = 0; i < Capacity; i++)
        {
            EventPoll.Member* member = At(i)->References == 0 ? null : Find(At(i), descriptor);
            if (member != null)
            {
                member->IsUsed = false;
            }
        }
    }

    public static long Control(int poll, int operation, int descriptor, ulong address)
    {
        OpenFile* file = FileTable.Get(poll);
        if (file == null || !FileTable.IsOpen(descriptor))
        {
            return -Errno.EBADF;
        }

        if (file->Kind != FileKind.EventPoll || poll == descriptor)
        {
            return -Errno.EINVAL;
        }

        EventPoll.Member* member = Find(file->EventPoll, descriptor);
        if (operation == EPOLL_CTL_DEL)
        {
            if (member == null)
            {
                return -Errno.ENOENT;
            }

            member->IsUsed = false;
            return 0;
        }

        long error = ProgramMemory.PrepareRead(address, (ulong)sizeof(epoll_event));
        if (error < 0)
        {
            return error;
        }

        switch (operation)
        {
            case EPOLL_CTL_ADD when member != null:
                return -Errno.EEXIST;
            case EPOLL_CTL_ADD:
                member = FindUnused(file->EventPoll);
                break;
            case EPOLL_CTL_MOD when member == null:
                return -Errno.ENOENT;
            case EPOLL_CTL_MOD:
                break;
            default:
                return -Errno.EINVAL;
        }

        if (member == null)
        {
            return -Errno.ENOMEM;
        }

        member->Descriptor = descriptor;
        member->Events = ((epoll_event*)address)->events;
        member->Data = ((epoll_event*)address)->data;
        member->IsUsed = true;
        WaitQueue.WakeAll(&file->EventPoll->Waiters);
        return 0;
    }

    public static long Wait(Thread* thread, int poll, ulong events, int count, int milliseconds)
    {
        OpenFile* file = FileTable.Get(poll);
        if (file == null)
        {
            return -Errno.EBADF;
        }

        if (file->Kind != FileKind.EventPoll || count <= 0)
        {
            return -Errno.EINVAL;
        }

        EventPoll* set = file->EventPoll;
        long ready = Evaluate(set, events, (ulong)count);
        ulong deadline = thread->IsRetry ? thread->Deadline
            : milliseconds < 0 ? ulong.MaxValue : Clock.After((ulong)milliseconds * 1_000_000);
        if (ready != 0 || deadline <= Clock.Now())
        {
            return ready;
        }

        WaitQueue.Join(&set->Waiters, thread);
        for (int i = 0; i < EventPoll.Capacity; i++)
        {
            EventPoll.Member* member = Member(set, i);
            if (member->IsUsed && !PollCalls.TryJoin(thread, member->Descriptor))
            {
                WaitQueue.LeaveAll(thread);
                return -Errno.ENOMEM;
            }
        }

        Scheduler.Block(thread, WaitKind.EventPoll, deadline, WaitEnd.Interruptible);
        return CallResult.None;
    }

    private static long Evaluate(EventPoll* set, ulong address, ulong count)
    {
        count = Math.Min(count, EventPoll.Capacity);
        long error = ProgramMemory.PrepareWrite(address, count * (ulong)sizeof(epoll_event));
        if (error < 0)
        {
            return error;
        }

        ulong ready = 0;
        for (int i = 0; i < EventPoll.Capacity && ready < count; i++)
        {
            EventPoll.Member* member = Member(set, i);
            short state = member->IsUsed ? PollCalls.State(member->Descriptor, (int)(member->Events & ReadyBits)) : (short)0;
            if (state != 0)
            {
                ((epoll_event*)address)[ready].events = (uint)state;
                ((epoll_event*)address)[ready].data = member->Data;
                ready++;
            }
        }

        return (long)ready;
    }

    private static EventPoll.Member* Find(EventPoll* set, int descriptor)
    {
        for (int i = 0; i < EventPoll.Capacity; i++)
        {
            EventPoll.Member* member = Member(set, i);
            if (member->IsUsed && member->Descriptor == descriptor)
            {
                return member;
            }
        }

        return null;
    }

    private static EventPoll.Member* FindUnused(EventPoll* set)
    {
        for (int i = 0; i < EventPoll.Capacity; i++)
        {
            if (!Member(set, i)->IsUsed)
            {
                return Member(set, i);
            }
        }

        return null;
    }

    private static EventPoll.Member* Member(EventPoll* set, int index) => (EventPoll.Member*)&set->Members + index;

    private static EventPoll* At(int index) => (EventPoll*)Unsafe.AsPointer(ref s_sets) + index;

    [InlineArray(Capacity)]
    private struct Sets
    {
        private EventPoll _first;
    }
}
