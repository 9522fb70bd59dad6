using Xenlet.Kernel;

namespace Xenlet.Drivers.Rings;

/// <summary>
/// Grants of ended connections whose pages the other domain keeps mapped. Such a page cannot be taken back, and the kernel cannot use it.
/// So a front end checks how many pages are held before it makes another connection.
/// </summary>
internal sealed class HeldGrants
{
    private readonly Lock _lock = new();
    private readonly List<(string Device, IGrant Grant)> _grants = [];

    /// <summary>Ends a grant, or records that it cannot end because the other domain has the page mapped.</summary>
    /// <param name="device">The device whose grant it is.</param>
    /// <param name="grant">The grant. The caller keeps it and disposes of it.</param>
    public void End(string device, IGrant grant)
    {
        if (!grant.TryEnd())
        {
            lock (_lock)
            {
                _grants.Add((device, grant));
            }
        }
    }

    /// <summary>The number of held grants: those of one device, and all those to one domain.</summary>
    public (int OfDevice, int OfDomain) Count(string device, ushort domain)
    {
        lock (_lock)
        {
            _grants.RemoveAll(held => held.Grant.TryEnd());
            return (_grants.Count(held => held.Device == device), _grants.Count(held => held.Grant.Domain == domain));
        }
    }
}
