using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Calls;

namespace Xenlet.Kernel;

/// <summary>The guest's shared pages, and those that another domain does not let go of.</summary>
internal sealed class XenSharedPages : ISharedPages
{
    /// <summary>What all of this is, in messages.</summary>
    public const string What = "shared pages";

    // So many held pages are tried again with each page or grant that is asked for: a domain that lets go of nothing must not make all
    // others slow.
    private const int TriedEachTime = 4;

    private readonly Lock _gate = new();
    private readonly HashSet<SharedPage> _held = [];
    private readonly Queue<SharedPage> _order = new();

    private long _firstHandle;

    /// <summary>The smallest handle of the domain's generation: grants of smaller ones have ended.</summary>
    public long FirstHandle => Volatile.Read(ref _firstHandle);

    public int HeldPages
    {
        get
        {
            if (!XenHypervisor.Facts.IsPresent)
            {
                throw NucleusAnswer.Error(-Errno.ENODEV, What, "");
            }

            Reclaim();
            lock (_gate)
            {
                return _held.Count;
            }
        }
    }

    public ISharedPage Allocate()
    {
        ReclaimSome();
        long answer = NucleusGate.Call(NucleusCall.AllocatePage);
        if (answer == -Errno.ENOMEM && Reclaim())
        {
            answer = NucleusGate.Call(NucleusCall.AllocatePage);
        }

        return answer switch
        {
            >= 0 => new SharedPage(this, (ulong)answer),
            -Errno.ENOMEM => throw new InsufficientMemoryException("no page is left to be shared"),
            _ => throw NucleusAnswer.Error(answer, What, "allocating a shared page"),
        };
    }

    /// <summary>The domain was resumed: all grants of before have ended, and pages that were held for them are given back.</summary>
    /// <param name="firstHandle">The smallest handle of the generation that began.</param>
    public void OnResumed(long firstHandle)
    {
        Volatile.Write(ref _firstHandle, firstHandle);
        Reclaim();
    }

    /// <summary>Keeps a page whose grants do not all end yet.</summary>
    public void Hold(SharedPage page)
    {
        lock (_gate)
        {
            if (_held.Add(page))
            {
                _order.Enqueue(page);
            }
        }
    }

    /// <summary>Tries again to end some of what is held, the longest untried first.</summary>
    public void ReclaimSome() => Reclaim(TriedEachTime);

    /// <summary>Tries again to end all that is held; true when that freed anything.</summary>
    public bool Reclaim() => Reclaim(int.MaxValue);

    private bool Reclaim(int most)
    {
        int count;
        lock (_gate)
        {
            count = Math.Min(_order.Count, most);
        }

        bool isAny = false;
        for (int i = 0; i < count; i++)
        {
            SharedPage? page;
            lock (_gate)
            {
                if (!_order.TryDequeue(out page))
                {
                    break;
                }

                // Out of the set first: another thread may abandon one more grant of the page meanwhile, and hold it again.
                _held.Remove(page);
            }

            if (page.TryFinish())
            {
                isAny = true;
            }
            else
            {
                Hold(page);
            }
        }

        return isAny;
    }
}
