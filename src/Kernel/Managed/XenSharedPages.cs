using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Calls;

namespace Xenlet.Kernel;

/// <summary>The guest's shared pages, and the disposed ones that another domain still has mapped.</summary>
internal sealed class XenSharedPages : ISharedPages
{
    /// <summary>The name of this facility in messages.</summary>
    public const string What = "shared pages";

    // How many held pages are retried with each request for a page or grant. A domain that keeps everything mapped must not make all others
    // slow.
    private const int TriedEachTime = 4;

    private readonly Lock _lock = new();
    private readonly HashSet<SharedPage> _held = [];
    private readonly Queue<SharedPage> _order = new();

    private long _firstHandle;

    /// <summary>The smallest handle of the domain's current generation. Grants with smaller handles have ended.</summary>
    public long FirstHandle => Volatile.Read(ref _firstHandle);

    public int HeldPages
    {
        get
        {
            if (!XenHypervisor.Facts.IsPresent)
            {
                throw NucleusError.ToException(-Errno.ENODEV, What, "");
            }

            Reclaim();
            lock (_lock)
            {
                return _held.Count;
            }
        }
    }

    public ISharedPage Allocate()
    {
        ReclaimSome();
        long answer = NucleusSystemCall.Invoke(NucleusCall.AllocatePage);
        if (answer == -Errno.ENOMEM && Reclaim())
        {
            answer = NucleusSystemCall.Invoke(NucleusCall.AllocatePage);
        }

        return answer switch
        {
            >= 0 => new SharedPage(this, (ulong)answer),
            -Errno.ENOMEM => throw new InsufficientMemoryException("no page is left to be shared"),
            _ => throw NucleusError.ToException(answer, What, "allocating a shared page"),
        };
    }

    /// <summary>The domain was resumed: all earlier grants have ended, and the pages that were held for them are released.</summary>
    /// <param name="firstHandle">The smallest handle of the new generation.</param>
    public void OnResumed(long firstHandle)
    {
        Volatile.Write(ref _firstHandle, firstHandle);
        Reclaim();
    }

    /// <summary>Keeps a page that still has grants that cannot be ended.</summary>
    public void Hold(SharedPage page)
    {
        lock (_lock)
        {
            if (_held.Add(page))
            {
                _order.Enqueue(page);
            }
        }
    }

    /// <summary>Retries some of the held pages, the longest untried first.</summary>
    public void ReclaimSome() => Reclaim(TriedEachTime);

    /// <summary>Retries all held pages. Returns true if that freed any.</summary>
    public bool Reclaim() => Reclaim(int.MaxValue);

    private bool Reclaim(int most)
    {
        int count;
        lock (_lock)
        {
            count = Math.Min(_order.Count, most);
        }

        bool isAny = false;
        for (int i = 0; i < count; i++)
        {
            SharedPage? page;
            lock (_lock)
            {
                if (!_order.TryDequeue(out page))
                {
                    break;
                }

                // Remove it from the set first: another thread may meanwhile abandon one more grant of the page and hold it again.
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
