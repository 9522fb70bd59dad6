using Xenlet.Kernel;

namespace Xenlet.Drivers.Rings;

/// <summary>
/// Grants of connections that have ended, whose pages the other domain keeps mapped. Nobody can take a page from it, and the kernel keeps
/// what it has: so who makes another connection first looks how much is held already.
/// </summary>
internal sealed class HeldGrants
{
    private readonly Lock _gate = new();
    private readonly List<(string Device, IGrant Grant)> _grants = [];

    /// <summary>Ends a grant, or remembers that the other domain does not let it end.</summary>
    /// <param name="device">Whose grant it is.</param>
    /// <param name="grant">The grant. It stays the caller's, to be disposed.</param>
    public void End(string device, IGrant grant)
    {
        if (!grant.TryEnd())
        {
            lock (_gate)
            {
                _grants.Add((device, grant));
            }
        }
    }

    /// <summary>Grants that are held still: those of one device, and those of all to one domain.</summary>
    public (int OfDevice, int OfDomain) Count(string device, ushort domain)
    {
        lock (_gate)
        {
            _grants.RemoveAll(held => held.Grant.TryEnd());
            return (_grants.Count(held => held.Device == device), _grants.Count(held => held.Grant.Domain == domain));
        }
    }
}
