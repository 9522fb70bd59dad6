namespace Xenlet.Net.Internet;

/// <summary>Who has given an address to an interface, and wants to know what comes of it.</summary>
internal interface IAddressOwner
{
    /// <summary>Nobody else has the address: it is used from now on.</summary>
    void OnReady(InterfaceAddress address);

    /// <summary>Somebody else has it, and it has been taken away from the interface.</summary>
    void OnDuplicate(InterfaceAddress address);
}
