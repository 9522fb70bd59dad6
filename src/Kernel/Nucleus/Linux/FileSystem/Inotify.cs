using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Linux.Abi;
using Xenlet.Kernel.Nucleus.Linux.Files;
using Xenlet.Kernel.Nucleus.Memory;
using Xenlet.Kernel.Nucleus.Threads;

namespace Xenlet.Kernel.Nucleus.Linux.FileSystem;

/// <summary>
/// inotify: watches of nodes, and their events. A watch outside /tmp is as good as any, and silent, since nothing changes there.
/// </summary>
internal static unsafe class Inotify
{
    // linux/inotify.h
    private const uint IN_CLOEXEC = 0x80000;
    private const uint IN_ALL_EVENTS = 0xfff;
    private const uint IN_Q_OVERFLOW = 0x4000;
    private const uint IN_ONLYDIR = 0x0100_0000;
    private const uint IN_DONT_FOLLOW = 0x0200_0000;
    private const uint IN_MASK_CREATE = 0x1000_0000;
    private const uint IN_MASK_ADD = 0x2000_0000;
    private const uint IN_ONESHOT = 0x8000_0000;

    /// <summary>The events that an instance keeps. The next one says that some were lost.</summary>
    private const int MaximumEvents = 1024;

    private static Slab s_instances;
    private static Slab s_watches;
    private static Slab s_events;

    public static long Create(uint flags)
    {
        if ((flags & ~(IN_CLOEXEC | FileTable.O_NONBLOCK)) != 0)
        {
            return -Errno.EINVAL;
        }

        if (!s_instances.TryReserve(1, sizeof(WatchInstance)))
        {
            return -Errno.ENOMEM;
        }

        WatchInstance* instance = (WatchInstance*)s_instances.Take(sizeof(WatchInstance));
        long descriptor = FileTable.Open(FileKind.Inotify, flags & FileTable.O_NONBLOCK, instance);
        if (descriptor < 0)
        {
            s_instances.Return(instance, sizeof(WatchInstance), spare: 0);
            return descriptor;
        }

        instance->File = FileTable.Get((int)descriptor);
        return descriptor;
    }

    /// <summary>The last descriptor of the instance was closed.</summary>
    public static void Release(WatchInstance* instance)
    {
        while (instance->Watches != null)
        {
            Unlink(instance->Watches);
        }

        while (instance->FirstEvent != null)
        {
            TakeEvent(instance);
        }

        s_instances.Return(instance, sizeof(WatchInstance), spare: 0);
    }

    public static bool HasEvents(OpenFile* file) => file->Watching->FirstEvent != null;

    public static long AddWatch(int descriptor, ulong path, uint mask)
    {
        long error = Find(descriptor, out WatchInstance* instance);
        if (error != 0)
        {
            return error;
        }

        if ((mask & IN_ALL_EVENTS) == 0 || (mask & (IN_MASK_ADD | IN_MASK_CREATE)) == (IN_MASK_ADD | IN_MASK_CREATE))
        {
            return -Errno.EINVAL;
        }

        error = PathWalk.FindNode(PathWalk.AT_FDCWD, path, follows: (mask & IN_DONT_FOLLOW) == 0, out FileNode* node);
        if (error != 0)
        {
            return error;
        }

        if ((mask & IN_ONLYDIR) != 0 && node->Kind != NodeKind.Directory)
        {
            return -Errno.ENOTDIR;
        }

        uint kept = mask & (IN_ALL_EVENTS | IN_ONESHOT);
        for (NodeWatch* watch = node->Watches; watch != null; watch = watch->NextOfNode)
        {
            if (watch->Instance == instance)
            {
                watch->Mask = (mask & IN_MASK_ADD) != 0 ? watch->Mask | kept : kept;
                return (mask & IN_MASK_CREATE) != 0 ? -Errno.EEXIST : watch->Number;
            }
        }

        if (!s_watches.TryReserve(1, sizeof(NodeWatch)))
        {
            return -Errno.ENOMEM;
        }

        NodeWatch* added = (NodeWatch*)s_watches.Take(sizeof(NodeWatch));
        added->Node = node;
        added->NextOfNode = node->Watches;
        node->Watches = added;
        added->Instance = instance;
        added->NextOfInstance = instance->Watches;
        instance->Watches = added;
        added->Number = ++instance->LastNumber;
        added->Mask = kept;
        return added->Number;
    }

    public static long RemoveWatch(int descriptor, int number)
    {
        long error = Find(descriptor, out WatchInstance* instance);
        if (error != 0)
        {
            return error;
        }

        NodeWatch* watch = instance->Watches;
        while (watch != null && watch->Number != number)
        {
            watch = watch->NextOfInstance;
        }

        if (watch == null)
        {
            return -Errno.EINVAL;
        }

        Remove(watch);
        return 0;
    }

    /// <summary>Ends a watch, which is its last event.</summary>
    public static void Remove(NodeWatch* watch)
    {
        Append(watch->Instance, watch->Number, NodeEvents.IN_IGNORED, 0, null);
        Unlink(watch);
    }

    /// <summary>An event for a watch, if it is of interest.</summary>
    public static void Add(NodeWatch* watch, uint mask, uint cookie, FileNode* named)
    {
        if ((mask & watch->Mask & IN_ALL_EVENTS) == 0)
        {
            return;
        }

        Append(watch->Instance, watch->Number, mask, cookie, named);
        if ((watch->Mask & IN_ONESHOT) != 0)
        {
            Remove(watch);
        }
    }

    /// <summary>Reads as many events as fit.</summary>
    /// <returns>Their bytes; -EAGAIN if there is none; -EINVAL if the first does not fit.</returns>
    public static long Read(OpenFile* file, byte* buffer, ulong count)
    {
        WatchInstance* instance = file->Watching;
        if (instance->FirstEvent == null)
        {
            return -Errno.EAGAIN;
        }

        ulong done = 0;
        while (instance->FirstEvent != null)
        {
            WatchEvent* happened = instance->FirstEvent;
            ulong size = (ulong)sizeof(inotify_event) + happened->Head.len;
            if (size > count - done)
            {
                break;
            }

            *(inotify_event*)(buffer + done) = happened->Head;
            byte* name = buffer + done + sizeof(inotify_event);
            Machine.Fill(name, 0, happened->Head.len);
            Machine.Copy(name, happened->Name, happened->NameLength);
            done += size;
            TakeEvent(instance);
        }

        return done > 0 ? (long)done : -Errno.EINVAL;
    }

    private static long Find(int descriptor, out WatchInstance* instance)
    {
        OpenFile* file = FileTable.Get(descriptor);
        instance = file != null && file->Kind == FileKind.Inotify ? file->Watching : null;
        return file == null ? -Errno.EBADF : instance == null ? -Errno.EINVAL : 0;
    }

    /// <summary>
    /// Adds an event. What equals the last one is dropped, as on Linux; for what does not fit, one event says that some are missing.
    /// </summary>
    private static void Append(WatchInstance* instance, int number, uint mask, uint cookie, FileNode* named)
    {
        WatchEvent* last = instance->LastEvent;
        bool isFull = instance->Events >= MaximumEvents || !s_events.TryReserve(1, sizeof(WatchEvent));
        if (isFull)
        {
            if (last == null || last->Head.mask == IN_Q_OVERFLOW || !s_events.TryReserve(1, sizeof(WatchEvent)))
            {
                return;
            }

            number = -1;
            mask = IN_Q_OVERFLOW;
            cookie = 0;
            named = null;
        }

        uint length = named == null ? 0 : named->NameLength;
        if (last != null && last->Head.wd == number && last->Head.mask == mask && last->Head.cookie == cookie
            && last->NameLength == length && IsName(last, named))
        {
            return;
        }

        WatchEvent* happened = (WatchEvent*)s_events.Take(sizeof(WatchEvent));
        happened->Head.wd = number;
        happened->Head.mask = mask;
        happened->Head.cookie = cookie;
        happened->NameLength = length;
        if (named != null)
        {
            const uint unit = 16; // Names are padded to a multiple of the head's size.
            happened->Head.len = (length + unit) & ~(unit - 1);
            Machine.Copy(happened->Name, named->Name, length);
        }

        if (last == null)
        {
            instance->FirstEvent = happened;
        }
        else
        {
            last->Next = happened;
        }

        instance->LastEvent = happened;
        instance->Events++;
        WaitQueue.WakeAll(&instance->File->Waiters);
        EventPolls.Notify(instance->File, PollEvents.EPOLLIN);
    }

    private static bool IsName(WatchEvent* happened, FileNode* named)
    {
        uint i = 0;
        while (i < happened->NameLength && happened->Name[i] == named->Name[i])
        {
            i++;
        }

        return i == happened->NameLength;
    }

    private static void TakeEvent(WatchInstance* instance)
    {
        WatchEvent* first = instance->FirstEvent;
        instance->FirstEvent = first->Next;
        instance->LastEvent = first->Next == null ? null : instance->LastEvent;
        instance->Events--;
        s_events.Return(first, sizeof(WatchEvent), spare: 0);
    }

    private static void Unlink(NodeWatch* watch)
    {
        NodeWatch** link = &watch->Node->Watches;
        while (*link != watch)
        {
            link = &(*link)->NextOfNode;
        }

        *link = watch->NextOfNode;
        link = &watch->Instance->Watches;
        while (*link != watch)
        {
            link = &(*link)->NextOfInstance;
        }

        *link = watch->NextOfInstance;
        s_watches.Return(watch, sizeof(NodeWatch), spare: 0);
    }
}
