using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Calls;
using Xenlet.Kernel.Nucleus.Platform.Xen;

namespace Xenlet.Kernel;

/// <summary>A page in the nucleus's window of shared pages.</summary>
internal sealed unsafe class SharedPage : ISharedPage
{
    private readonly XenSharedPages _pages;
    private readonly Lock _lock = new();
    private readonly HashSet<Grant> _grants = [];
    private readonly Memory<byte> _memory;
    private readonly ulong _address;
    private bool _isDisposed;
    private bool _isReleased;

    public SharedPage(XenSharedPages pages, ulong address)
    {
        _pages = pages;
        _address = address;
        _memory = new PageMemory(this).Memory;
    }

    public ulong Frame => (_address - SharedPages.WindowStart) / ISharedPage.Size;

    public Span<byte> Span
    {
        get
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            return new Span<byte>(Pointer, ISharedPage.Size);
        }
    }

    public Memory<byte> Memory
    {
        get
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            return _memory;
        }
    }

    /// <summary>The page's first byte.</summary>
    public byte* Pointer => (byte*)_address;

    public IGrant Grant(ushort domain, bool isReadOnly = false)
    {
        _pages.ReclaimSome();
        Grant? grant = TryGrant(domain, isReadOnly, out long error);
        if (error == -Errno.ENOSPC && _pages.Reclaim())
        {
            grant = TryGrant(domain, isReadOnly, out error);
        }

        return grant ?? throw NucleusError.ToException(error, XenSharedPages.What, $"granting guest frame {Frame:x} to domain {domain}");
    }

    private Grant? TryGrant(ushort domain, bool isReadOnly, out long error)
    {
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            long answer = NucleusSystemCall.Invoke(NucleusCall.GrantPage, domain, _address, isReadOnly ? 1UL : 0);
            error = Math.Min(answer, 0);
            if (answer < 0)
            {
                return null;
            }

            Grant grant = new(this, answer, domain, isReadOnly);
            _grants.Add(grant);
            return grant;
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            if (_isDisposed)
            {
                return;
            }

            _isDisposed = true;
            foreach (Grant grant in _grants)
            {
                grant.Abandon();
            }
        }

        if (!TryFinish())
        {
            _pages.Hold(this);
        }
    }

    /// <summary>Whether a resume of the domain has ended the grant.</summary>
    public bool HasLost(Grant grant) => grant.Handle < _pages.FirstHandle;

    /// <summary>Ends a grant of this page. Returns false while the other domain has it mapped.</summary>
    public bool TryEnd(Grant grant)
    {
        lock (_lock)
        {
            return TryEndLocked(grant);
        }
    }

    /// <summary>Hands a grant that its owner will never end again to the kernel.</summary>
    public void Abandon(Grant grant)
    {
        lock (_lock)
        {
            if (TryEndLocked(grant))
            {
                return;
            }

            grant.Abandon();
        }

        _pages.Hold(this);
    }

    /// <summary>Ends what was disposed. Returns false if another domain does not let all of it end.</summary>
    public bool TryFinish()
    {
        lock (_lock)
        {
            bool isFinished = true;
            foreach (Grant grant in (Grant[])[.. _grants])
            {
                isFinished &= !grant.IsAbandoned || TryEndLocked(grant);
            }

            if (isFinished && _isDisposed && !_isReleased)
            {
                long answer = NucleusSystemCall.Invoke(NucleusCall.ReleasePage, _address);
                _isReleased = answer == 0
                    ? true
                    : throw NucleusError.ToException(answer, XenSharedPages.What, $"releasing guest frame {Frame:x}");
            }

            return isFinished;
        }
    }

    private bool TryEndLocked(Grant grant)
    {
        if (!_grants.Contains(grant))
        {
            return true;
        }

        long answer = NucleusSystemCall.Invoke(NucleusCall.EndGrant, (ulong)grant.Handle);
        if (answer == -Errno.EBUSY)
        {
            return false;
        }

        // A resume of the domain has already ended it.
        if (answer < 0 && answer != -Errno.ESTALE)
        {
            throw NucleusError.ToException(answer, XenSharedPages.What, $"ending grant {(uint)grant.Handle} to domain {grant.Domain}");
        }

        _grants.Remove(grant);
        grant.OnEnded();
        return true;
    }
}
