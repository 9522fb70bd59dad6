namespace Xenlet.Net.Internet;

/// <summary>
/// Which of an interface's addresses packets to a destination are sent from: the rules of RFC 6724, section 5. Rule 4 is for mobile hosts
/// and rule 7 for temporary addresses, which there are none of; by rule 5 the candidates are those of the interface.
/// </summary>
internal static class SourceSelection
{
    /// <summary>The best address of the interface for the destination; null when it has none of the family.</summary>
    public static InterfaceAddress? Choose(IpInterface by, InternetAddress destination)
    {
        // Not foreach: the enumerator would be garbage of each packet.
        InterfaceAddress? best = null;
        IReadOnlyList<InterfaceAddress> addresses = by.Addresses;
        for (int i = 0; i < addresses.Count; i++)
        {
            InterfaceAddress each = addresses[i];
            if (each.IsUsable && each.Address.IsIPv4 == destination.IsIPv4 && (best is null || IsBetter(each, best, destination)))
            {
                best = each;
            }
        }

        return best;
    }

    private static bool IsBetter(InterfaceAddress candidate, InterfaceAddress best, InternetAddress destination)
    {
        // Rule 1: the destination itself.
        if (best.Address == destination)
        {
            return false;
        }

        // Rule 2: a scope that reaches the destination, and of those that do the smallest.
        int wanted = AddressPolicy.ScopeOf(destination);
        int candidateScope = AddressPolicy.ScopeOf(candidate.Address);
        int bestScope = AddressPolicy.ScopeOf(best.Address);
        if (candidateScope != bestScope)
        {
            return candidateScope < bestScope ? candidateScope >= wanted : bestScope < wanted;
        }

        // Rule 3: not one that is on its way out.
        if (candidate.State != best.State)
        {
            return candidate.State == AddressState.Preferred;
        }

        // Rule 6: one with the destination's label.
        int label = AddressPolicy.LabelOf(destination);
        bool isOfLabel = AddressPolicy.LabelOf(candidate.Address) == label;
        if (isOfLabel != (AddressPolicy.LabelOf(best.Address) == label))
        {
            return isOfLabel;
        }

        // Rule 8: the longest common prefix, as far as the prefix goes.
        return CommonLength(candidate, destination) > CommonLength(best, destination);
    }

    private static int CommonLength(InterfaceAddress address, InternetAddress destination) =>
        Math.Min(address.Address.CommonPrefixLength(destination), address.Prefix.Length);
}
