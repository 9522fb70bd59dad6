using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using Xenlet.Kernel;

namespace Xenlet.Domain.Automatic;

/// <summary>Starts the domain's services for the program whose image this assembly is in.</summary>
internal static class AutomaticStart
{
    private const string DrivesDevicesSwitch = "Xenlet.Domain.Automatic.DrivesDevices";

    /// <summary>Whether buses and drivers are started too. The project says it, and the compiler leaves out what is not wanted.</summary>
    [FeatureSwitchDefinition(DrivesDevicesSwitch)]
    private static bool DrivesDevices => AppContext.TryGetSwitch(DrivesDevicesSwitch, out bool isOn) && isOn;

    /// <summary>Runs before <c>Main</c>, which does not wait for what it starts.</summary>
    [ModuleInitializer]
    [SuppressMessage("Usage", "CA2255", Justification = "The tool stack may ask before the program has done anything.")]
    public static void Start()
    {
        // Without Xen there is no tool stack.
        if (Guest.Hypervisor.IsPresent)
        {
            AutomaticServices.Start(Guest.Machine, DrivesDevices ? DomainServices.StartAutomaticallyAsync : ControlServices.StartAsync);
        }
    }
}
