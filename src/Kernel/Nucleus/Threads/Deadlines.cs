namespace Xenlet.Kernel.Nucleus.Threads;

/// <summary>
/// Blocked threads with a time limit, the earliest on top and equal ones in order of arrival. A pairing heap (Fredman, Sedgewick, Sleator
/// and Tarjan, 1986) linked through the threads: adding takes constant time, removing takes logarithmic time on average.
/// </summary>
internal static unsafe class Deadlines
{
    private static Thread* s_root;
    private static ulong s_added;

    /// <summary>The earliest deadline, or <see cref="ulong.MaxValue"/>.</summary>
    public static ulong Earliest => s_root == null ? ulong.MaxValue : s_root->Deadline;

    /// <summary>Adds a thread that has no deadline yet.</summary>
    public static void Add(Thread* thread, ulong deadline)
    {
        thread->Deadline = deadline;
        thread->HasDeadline = true;
        thread->DeadlineOrder = s_added++;
        s_root = s_root == null ? thread : Meld(s_root, thread);
    }

    /// <summary>Removes a thread, if it has a deadline.</summary>
    public static void Remove(Thread* thread)
    {
        if (!thread->HasDeadline)
        {
            return;
        }

        thread->HasDeadline = false;
        Thread* below = MeldChildren(thread);
        if (thread == s_root)
        {
            s_root = below;
            return;
        }

        Cut(thread);
        if (below != null)
        {
            s_root = Meld(s_root, below);
        }
    }

    /// <summary>Removes and returns a thread whose deadline has passed, or null.</summary>
    public static Thread* TakeExpired(ulong now)
    {
        Thread* thread = s_root;
        if (thread == null || thread->Deadline > now)
        {
            return null;
        }

        Remove(thread);
        return thread;
    }

    private static bool IsBefore(Thread* one, Thread* other) =>
        one->Deadline < other->Deadline || (one->Deadline == other->Deadline && one->DeadlineOrder < other->DeadlineOrder);

    /// <summary>Makes the later of two roots a child of the earlier.</summary>
    private static Thread* Meld(Thread* one, Thread* other)
    {
        Thread* parent = IsBefore(one, other) ? one : other;
        Thread* child = parent == one ? other : one;
        child->DeadlinePrevious = parent;
        child->DeadlineNext = parent->DeadlineChild;
        if (child->DeadlineNext != null)
        {
            child->DeadlineNext->DeadlinePrevious = child;
        }

        parent->DeadlineChild = child;
        return parent;
    }

    /// <summary>Removes a child, with its subtree, from its parent's list. The first child's previous link is the parent.</summary>
    private static void Cut(Thread* child)
    {
        if (child->DeadlinePrevious->DeadlineChild == child)
        {
            child->DeadlinePrevious->DeadlineChild = child->DeadlineNext;
        }
        else
        {
            child->DeadlinePrevious->DeadlineNext = child->DeadlineNext;
        }

        if (child->DeadlineNext != null)
        {
            child->DeadlineNext->DeadlinePrevious = child->DeadlinePrevious;
        }

        child->DeadlineNext = null;
        child->DeadlinePrevious = null;
    }

    /// <summary>Detaches a thread's children and melds them into one heap: first in pairs, then the pairs from last to first.</summary>
    /// <returns>The root, or null if there are no children.</returns>
    private static Thread* MeldChildren(Thread* parent)
    {
        Thread* pairs = null;
        Thread* next = parent->DeadlineChild;
        parent->DeadlineChild = null;
        while (next != null)
        {
            Thread* one = next;
            Thread* other = one->DeadlineNext;
            next = other == null ? null : other->DeadlineNext;
            Detach(one);
            if (other != null)
            {
                Detach(other);
                one = Meld(one, other);
            }

            one->DeadlineNext = pairs;
            pairs = one;
        }

        Thread* root = null;
        while (pairs != null)
        {
            Thread* pair = pairs;
            pairs = pair->DeadlineNext;
            Detach(pair);
            root = root == null ? pair : Meld(root, pair);
        }

        return root;
    }

    private static void Detach(Thread* thread)
    {
        thread->DeadlineNext = null;
        thread->DeadlinePrevious = null;
    }
}
