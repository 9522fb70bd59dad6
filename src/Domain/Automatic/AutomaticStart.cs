using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using Xenlet.Kernel;

namespace Xenlet.Domain.Automatic;

/// <summary>Starts the domain's services in an image that contains this assembly.</summary>
internal static class AutomaticStart
{
    private const string DrivesDevicesSwitch = "Xenlet.Domain.Automatic.DrivesDevices";

    // A program that ends sooner, or starts its own services, does not pay for these. Requests of the tool stack wait that long: it gives
    // a guest seconds.
    private const int DelayMilliseconds = 250;

    /// <summary>Whether to start buses and drivers too. The project sets it, and the compiler leaves out what is not wanted.</summary>
    [FeatureSwitchDefinition(DrivesDevicesSwitch)]
    private static bool DrivesDevices => AppContext.TryGetSwitch(DrivesDevicesSwitch, out bool isOn) && isOn;

    /// <summary>Runs before <c>Main</c>, which does not wait for the services.</summary>
    [ModuleInitializer]
    [SuppressMessage("Usage", "CA2255", Justification = "The tool stack may send requests before the program has done anything.")]
    public static void Start()
    {
        // There is no tool stack without Xen.
        if (!Guest.Hypervisor.IsPresent)
        {
            return;
        }

        try
        {
            new Thread(StartDelayed) { IsBackground = true, Name = "services start" }.Start();
        }
        catch (OutOfMemoryException error)
        {
            AutomaticServices.ReportFailure(error);
        }
    }

    private static void StartDelayed()
    {
        Thread.Sleep(DelayMilliseconds);
        AutomaticServices.Start(Guest.Machine, DrivesDevices ? DomainServices.StartAutomaticallyAsync : ControlServices.StartAsync);
    }
}
