using Xunit.Abstractions;
using Xunit.Sdk;

namespace Xenlet.Guest.Tests;

/// <summary>
/// A test that talks to a guest while it runs. It is run again when the guest ended with the one panic that only a defect of QEMU brings about
/// (<see cref="World.DeliveredTwice"/>), and upon no other failure.
/// </summary>
[AttributeUsage(AttributeTargets.Method)]
[XunitTestCaseDiscoverer("Xenlet.Guest.Tests.GuestFactDiscoverer", "Xenlet.Guest.Tests")]
public sealed class GuestFactAttribute : FactAttribute;

/// <summary>A theory of which each row is as with <see cref="GuestFactAttribute"/>.</summary>
[AttributeUsage(AttributeTargets.Method)]
[XunitTestCaseDiscoverer("Xenlet.Guest.Tests.GuestTheoryDiscoverer", "Xenlet.Guest.Tests")]
public sealed class GuestTheoryAttribute : TheoryAttribute;

/// <summary>What xunit asks for the test case of a <see cref="GuestFactAttribute"/>.</summary>
public sealed class GuestFactDiscoverer(IMessageSink diagnostics) : FactDiscoverer(diagnostics)
{
    /// <inheritdoc/>
    protected override IXunitTestCase CreateTestCase(ITestFrameworkDiscoveryOptions discoveryOptions, ITestMethod testMethod, IAttributeInfo factAttribute) =>
        new GuestTestCase(DiagnosticMessageSink, discoveryOptions, testMethod);
}

/// <summary>What xunit asks for the test cases of a <see cref="GuestTheoryAttribute"/>.</summary>
public sealed class GuestTheoryDiscoverer(IMessageSink diagnostics) : TheoryDiscoverer(diagnostics)
{
    /// <inheritdoc/>
    protected override IEnumerable<IXunitTestCase> CreateTestCasesForDataRow(
        ITestFrameworkDiscoveryOptions discoveryOptions, ITestMethod testMethod, IAttributeInfo theoryAttribute, object[] dataRow) =>
        [new GuestTestCase(DiagnosticMessageSink, discoveryOptions, testMethod, dataRow)];
}
