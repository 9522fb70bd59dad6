using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Memory;
using Xenlet.Kernel.Nucleus.Platform;
using Xenlet.Kernel.Nucleus.Threads;
using Thread = Xenlet.Kernel.Nucleus.Threads.Thread;

namespace Xenlet.Kernel.Nucleus.Linux.Files;

/// <summary>An epoll set.</summary>
internal unsafe struct EventPoll
{
    /// <summary>Descriptors a set can hold.</summary>
    public const int Capacity = 16;

    /// <summary>Open descriptors of the set; 0 for one that is not in use.</summary>
    public int References;

    public Entries Members;

    [InlineArray(Capacity)]
    internal struct Entries
    {
        private Member _first;
    }

    /// <summary>A watched descriptor.</summary>
    internal struct Member
    {
        public int Descriptor;
        public uint Events;

        /// <summary>What the program is told back.</summary>
        public ulong Data;

        public bool IsUsed;
    }
}

/// <summary>
/// epoll, level triggered. The socket library makes a set before it asks for its first socket, and only the answer to that is the
/// error that .NET programs know.
/// </summary>
internal static unsafe class EventPolls
{
    private const int Capacity = 4;
    private const int EPOLL_CTL_ADD = 1;
    private const int EPOLL_CTL_DEL = 2;
    private const int EPOLL_CTL_MOD = 3;
    private const uint ReadyBits = 0x1f;

    private static Sets s_sets;

    /// <summary>struct epoll_event, packed on x86-64 (linux/eventpoll.h).</summary>
    [StructLayout(LayoutKind.Sequential, Pack = 1)]
    private struct Event
    {
        public uint Events;
        public ulong Data;
    }

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

    public static void Release(EventPoll* set) => set->References--;

    /// <summary>A descriptor was closed: no set watches it any more.</summary>
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

        long error = ProgramMemory.PrepareRead(address, (ulong)sizeof(Event));
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
        member->Events = ((Event*)address)->Events;
        member->Data = ((Event*)address)->Data;
        member->IsUsed = true;
        FileTable.WakeWaiters();
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

        long ready = Evaluate(file->EventPoll, events, (ulong)count);
        if (ready != 0 || milliseconds == 0)
        {
            return ready;
        }

        thread->WaitFile = poll;
        thread->WaitAddress = events;
        thread->WaitCount = (ulong)count;
        Scheduler.Block(
            WaitKind.EventPoll, null, milliseconds < 0 ? ulong.MaxValue : Clock.After((ulong)milliseconds * 1_000_000), restartable: false);
        return CallResult.None;
    }

    /// <summary>A parked caller looks again.</summary>
    public static void Retry(Thread* thread)
    {
        OpenFile* file = FileTable.Get(thread->WaitFile);
        long ready = file == null || file->Kind != FileKind.EventPoll
            ? -Errno.EBADF
            : Evaluate(file->EventPoll, thread->WaitAddress, thread->WaitCount);
        if (ready != 0)
        {
            Scheduler.Wake(thread, ready, urgent: true);
        }
    }

    private static long Evaluate(EventPoll* set, ulong address, ulong count)
    {
        count = Math.Min(count, EventPoll.Capacity);
        long error = ProgramMemory.PrepareWrite(address, count * (ulong)sizeof(Event));
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
                ((Event*)address)[ready].Events = (uint)state;
                ((Event*)address)[ready].Data = member->Data;
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
