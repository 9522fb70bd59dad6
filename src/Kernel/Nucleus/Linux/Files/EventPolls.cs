using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Console;
using Xenlet.Kernel.Nucleus.Linux.Abi;
using Xenlet.Kernel.Nucleus.Memory;
using Xenlet.Kernel.Nucleus.Platform;
using Xenlet.Kernel.Nucleus.Threads;
using Thread = Xenlet.Kernel.Nucleus.Threads.Thread;

namespace Xenlet.Kernel.Nucleus.Linux.Files;

/// <summary>
/// epoll. A change of a file makes its memberships ready; only a wait looks at the conditions. A member that is reported is ready again at
/// once if it is level-triggered, and with the file's next change if it is edge-triggered. This is how Linux does it (fs/eventpoll.c), so
/// the order of events is the same too.
/// </summary>
internal static unsafe class EventPolls
{
    /// <summary>A change that concerns members whatever they wait for.</summary>
    public const uint AnyEvent = 0;

    private const int EPOLL_CTL_ADD = 1;
    private const int EPOLL_CTL_DEL = 2;
    private const int EPOLL_CTL_MOD = 3;
    private const int EPOLL_CLOEXEC = 0x80000;

    private static Slab s_sets;
    private static Slab s_members;

    public static long Create(uint flags)
    {
        if ((flags & ~EPOLL_CLOEXEC) != 0)
        {
            return -Errno.EINVAL;
        }

        if (!s_sets.TryReserve(1, sizeof(EventPoll)))
        {
            return -Errno.ENOMEM;
        }

        EventPoll* set = (EventPoll*)s_sets.Take(sizeof(EventPoll));
        long descriptor = FileTable.Open(FileKind.EventPoll, FileTable.O_RDWR, set);
        if (descriptor < 0)
        {
            s_sets.Return(set, sizeof(EventPoll), spare: 0);
            return descriptor;
        }

        set->File = FileTable.Get((int)descriptor);
        return descriptor;
    }

    /// <summary>The last descriptor of the set was closed.</summary>
    public static void Release(EventPoll* set)
    {
        while (set->First != null)
        {
            Remove(set->First);
        }

        s_sets.Return(set, sizeof(EventPoll), spare: 0);
    }

    /// <summary>The last descriptor of a file was closed: it leaves all sets.</summary>
    public static void Forget(OpenFile* file)
    {
        while (file->Memberships != null)
        {
            Remove(file->Memberships);
        }
    }

    /// <summary>A file has changed.</summary>
    /// <param name="file">The file.</param>
    /// <param name="events">What may be true now; <see cref="AnyEvent"/> for everything.</param>
    public static void Notify(OpenFile* file, uint events)
    {
        for (EventPollMember* member = file->Memberships; member != null; member = member->NextOfFile)
        {
            bool isEnabled = (member->Events & ~PollEvents.Private) != 0;
            if (isEnabled && (events == AnyEvent || (events & member->Events) != 0))
            {
                if (!member->IsReady)
                {
                    Append(member);
                }

                Wake(member->Set);
            }
        }
    }

    /// <summary>Whether a wait for the set would find something.</summary>
    public static bool HasEvents(EventPoll* set)
    {
        LookAtConsoles(set);
        while (set->FirstReady != null && (FileReadiness.Of(set->FirstReady->File) & set->FirstReady->Events) == 0)
        {
            MakeUnready(set->FirstReady);
        }

        return set->FirstReady != null;
    }

    public static long Control(int poll, int operation, int descriptor, ulong address)
    {
        if (operation != EPOLL_CTL_DEL)
        {
            long error = ProgramMemory.PrepareRead(address, (ulong)sizeof(epoll_event));
            if (error < 0)
            {
                return error;
            }
        }

        OpenFile* file = FileTable.Get(poll);
        OpenFile* watched = FileTable.Get(descriptor);
        if (file == null || watched == null)
        {
            return -Errno.EBADF;
        }

        if (!FileReadiness.CanChange(watched))
        {
            return -Errno.EPERM;
        }

        if (file->Kind != FileKind.EventPoll || file == watched)
        {
            return -Errno.EINVAL;
        }

        EventPoll* set = file->EventPoll;
        EventPollMember* member = Find(set, watched, descriptor);
        switch (operation)
        {
            case EPOLL_CTL_ADD:
                return member != null ? -Errno.EEXIST : Add(set, watched, descriptor, (epoll_event*)address);
            case EPOLL_CTL_MOD when member != null:
                Set(member, (epoll_event*)address);
                return 0;
            case EPOLL_CTL_DEL when member != null:
                Remove(member);
                return 0;
            case EPOLL_CTL_MOD:
            case EPOLL_CTL_DEL:
                return -Errno.ENOENT;
            default:
                return -Errno.EINVAL;
        }
    }

    public static long Wait(Thread* thread, int poll, ulong events, int count, int milliseconds)
    {
        const int maximum = int.MaxValue / 12; // EP_MAX_EVENTS
        if (count is <= 0 or > maximum)
        {
            return -Errno.EINVAL;
        }

        OpenFile* file = FileTable.Get(poll);
        if (file == null)
        {
            return -Errno.EBADF;
        }

        if (file->Kind != FileKind.EventPoll)
        {
            return -Errno.EINVAL;
        }

        EventPoll* set = file->EventPoll;
        long ready = Report(set, events, count);
        ulong deadline = thread->IsRetry ? thread->Deadline
            : milliseconds < 0 ? ulong.MaxValue : Clock.After((ulong)milliseconds * 1_000_000);
        if (ready != 0 || deadline <= Clock.Now())
        {
            return ready;
        }

        WaitQueue.Join(&file->Waiters, thread);
        if (set->Consoles > 0 && WaitQueue.Join(ConsoleDevice.Waiters, thread) == null)
        {
            WaitQueue.LeaveAll(thread);
            return -Errno.ENOMEM;
        }

        Scheduler.Block(thread, WaitKind.EventPoll, deadline, WaitEnd.Interruptible);
        return CallResult.None;
    }

    /// <summary>Writes the events of ready members, and makes level-triggered ones ready again, behind the others.</summary>
    private static long Report(EventPoll* set, ulong address, int count)
    {
        LookAtConsoles(set);
        long reported = 0;
        for (int left = set->ReadyCount; left > 0 && reported < count; left--)
        {
            EventPollMember* member = set->FirstReady;
            uint conditions = FileReadiness.Of(member->File) & member->Events;
            if (conditions == 0)
            {
                MakeUnready(member);
                continue;
            }

            ulong place = address + ((ulong)reported * (ulong)sizeof(epoll_event));
            long error = ProgramMemory.PrepareWrite(place, (ulong)sizeof(epoll_event));
            if (error < 0)
            {
                return reported > 0 ? reported : error;
            }

            ((epoll_event*)place)->events = conditions;
            ((epoll_event*)place)->data = member->Data;
            reported++;
            MakeUnready(member);
            if ((member->Events & PollEvents.EPOLLONESHOT) != 0)
            {
                member->Events &= PollEvents.Private;
            }
            else if ((member->Events & PollEvents.EPOLLET) == 0)
            {
                Append(member);
            }
        }

        return reported;
    }

    private static void LookAtConsoles(EventPoll* set)
    {
        for (EventPollMember* member = set->Consoles > 0 ? set->First : null; member != null; member = member->Next)
        {
            if (member->File->Kind == FileKind.Console)
            {
                uint conditions = FileReadiness.Of(member->File) & member->Events;
                bool isNews = (conditions & ~member->LastConditions) != 0 || (member->Events & PollEvents.EPOLLET) == 0;
                member->LastConditions = conditions;
                if (isNews && conditions != 0 && !member->IsReady)
                {
                    Append(member);
                }
            }
        }
    }

    private static EventPollMember* Find(EventPoll* set, OpenFile* file, int descriptor)
    {
        EventPollMember* member = file->Memberships;
        while (member != null && (member->Set != set || member->Descriptor != descriptor))
        {
            member = member->NextOfFile;
        }

        return member;
    }

    private static long Add(EventPoll* set, OpenFile* file, int descriptor, epoll_event* wanted)
    {
        bool isSet = file->Kind == FileKind.EventPoll;
        if (isSet && (set->Memberships > 0 || file->EventPoll->Sets > 0))
        {
            // Sets of sets, but no deeper: nothing here may recurse without a bound. Linux allows four levels more.
            return -Errno.ELOOP;
        }

        if (!s_members.TryReserve(1, sizeof(EventPollMember)))
        {
            return -Errno.ENOMEM;
        }

        EventPollMember* member = (EventPollMember*)s_members.Take(sizeof(EventPollMember));
        member->Set = set;
        member->File = file;
        member->Descriptor = descriptor;
        member->Next = set->First;
        if (member->Next != null)
        {
            member->Next->Previous = member;
        }

        set->First = member;
        member->NextOfFile = file->Memberships;
        file->Memberships = member;
        set->Consoles += file->Kind == FileKind.Console ? 1 : 0;
        set->Sets += isSet ? 1 : 0;
        if (isSet)
        {
            file->EventPoll->Memberships++;
        }

        Set(member, wanted);
        return 0;
    }

    private static void Set(EventPollMember* member, epoll_event* wanted)
    {
        member->Events = wanted->events | PollEvents.Always;
        member->Data = wanted->data;
        member->LastConditions = 0;
        uint conditions = FileReadiness.Of(member->File) & member->Events;
        if (conditions != 0 && !member->IsReady)
        {
            Append(member);
            Wake(member->Set);
        }
    }

    private static void Remove(EventPollMember* member)
    {
        EventPoll* set = member->Set;
        OpenFile* file = member->File;
        MakeUnready(member);
        if (member->Previous == null)
        {
            set->First = member->Next;
        }
        else
        {
            member->Previous->Next = member->Next;
        }

        if (member->Next != null)
        {
            member->Next->Previous = member->Previous;
        }

        EventPollMember** link = &file->Memberships;
        while (*link != member)
        {
            link = &(*link)->NextOfFile;
        }

        *link = member->NextOfFile;
        set->Consoles -= file->Kind == FileKind.Console ? 1 : 0;
        if (file->Kind == FileKind.EventPoll)
        {
            set->Sets--;
            file->EventPoll->Memberships--;
        }

        s_members.Return(member, sizeof(EventPollMember), spare: 0);
    }

    /// <summary>A member has become ready, or has had another event.</summary>
    private static void Wake(EventPoll* set)
    {
        WaitQueue.WakeAll(&set->File->Waiters);

        // A set that is a member of others has no sets among its members, so this goes one level up.
        Notify(set->File, PollEvents.EPOLLIN);
    }

    /// <summary>Lets the next wait look at a member, behind the others.</summary>
    private static void Append(EventPollMember* member)
    {
        EventPoll* set = member->Set;
        member->IsReady = true;
        member->NextReady = null;
        member->PreviousReady = set->LastReady;
        if (set->LastReady == null)
        {
            set->FirstReady = member;
        }
        else
        {
            set->LastReady->NextReady = member;
        }

        set->LastReady = member;
        set->ReadyCount++;
    }

    private static void MakeUnready(EventPollMember* member)
    {
        if (!member->IsReady)
        {
            return;
        }

        EventPoll* set = member->Set;
        member->IsReady = false;
        set->ReadyCount--;
        if (member->PreviousReady == null)
        {
            set->FirstReady = member->NextReady;
        }
        else
        {
            member->PreviousReady->NextReady = member->NextReady;
        }

        if (member->NextReady == null)
        {
            set->LastReady = member->PreviousReady;
        }
        else
        {
            member->NextReady->PreviousReady = member->PreviousReady;
        }
    }
}
