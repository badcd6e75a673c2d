//! Both recurrences against PyTorch, their composed forms, and themselves with other numbers of threads.

use candle_core::{Device, Result, Tensor, Var};

use crate::model::kernel::gru::GruCell;
use crate::model::kernel::lstm::LstmCell;
use crate::model::kernel::recurrence::{RecurrentCell, SequenceOptions, composed, recur};
use crate::model::kernel::reference_check::{check_against, near, variable};
use crate::model::weights::host;

/// Results of PyTorch 2.11 over packed sequences of 4, 1 and 3 steps, width 3, 2 units:
///
/// def numbers(shape, salt):
///     n = torch.Size(shape).numel()
///     return torch.tensor([((i * 37 + salt * 11) % 23) / 16 - 0.7 for i in range(n)]).reshape(shape)
/// for kind, G, S in (("LSTM", 4, 2), ("GRU", 3, 1)):
///     x = numbers((3, 4, 3), 1).requires_grad_()
///     w = numbers((5, G * 2), 2).requires_grad_()   # W above U
///     b = numbers((8,), 3).requires_grad_()
///     s = numbers((3, S * 2), 4).requires_grad_()
///     for reverse in (False, True):
///         m = getattr(torch.nn, kind)(3, 2, batch_first=True, bidirectional=reverse)
///         end = "_reverse" if reverse else ""
///         bh = torch.zeros(8) if G == 4 else torch.cat([torch.zeros(4), b[6:]])
///         params = dict(m.named_parameters())
///         params.update({f"weight_ih_l0{end}": w[:3].t(), f"weight_hh_l0{end}": w[3:].t(),
///                        f"bias_ih_l0{end}": b[:G*2], f"bias_hh_l0{end}": bh})
///         parts = s.chunk(S, 1)
///         init = [torch.stack([torch.zeros_like(p), p]) if reverse else p[None] for p in parts]
///         packed = pack_padded_sequence(x, [4, 1, 3], batch_first=True, enforce_sorted=False)
///         y, last = functional_call(m, params, (packed, tuple(init) if S == 2 else init[0]))
///         y = pad_packed_sequence(y, batch_first=True)[0][..., 2 * reverse:]
///         last = torch.cat([l[-1] for l in (last if S == 2 else (last,))], 1)
///         f = torch.tensor([((i * 7) % 11 - 4.5) / 5 for i in range(24)]).reshape(3, 4, 2)
///         g = torch.autograd.grad((y * f).sum() + last.sum(), (x, w, b, s))
///
/// Outputs `y`, last state, and gradients of x, w, b and s; `back` is `reverse=True`.
const TORCH: &str = "\
lstm forth y -.084394 .07874 .02506 .100088 .090546 .117168 .160669 -.036336 .146411 -.164419 0 0 0 0 0 
0 -.090453 .127116 .10296 -.044234 .081173 -.056752 0 0
lstm forth last .160669 -.036336 .44518 -.083216 .146411 -.164419 .462843 -.372349 .081173 -.056752 
.242646 -.083298
lstm forth x -.107375 .123893 .111181 -.135702 .070534 .043883 -.058211 .070004 -.025804 -.201087 
.097563 -.043543 -.153398 .316112 .104127 0 0 0 0 0 0 0 0 0 -.129188 .090928 .040026 -.027978 .13367 
-.025562 -.480513 -.042624 -.21599 0 0 0
lstm forth w .301163 -.383385 .09729 -.05877 .776401 .43961 .137259 -.1236 .044822 .123023 -.035119 
.043185 .070445 .038619 -.028057 .0637 -.334917 .211444 .030635 .048983 .037548 -.193643 -.023968 
.094262 -.03484 .057165 .01694 .08762 .087198 .198445 .07357 .050716 .213338 -.178675 .026039 -.104813 
.152454 .295771 .031618 -.106601
lstm forth b .776692 -.295017 .15387 .03629 2.124663 2.18694 .369082 -.071481
lstm forth s .06442 -.072893 -.108135 .262156 .065147 .181023 .482116 .674843 -.051486 -.052517 .094185 
.332583
lstm back y .129396 .015137 .088392 .114614 .064997 .084255 -.032327 .013344 .146411 -.164419 0 0 0 0 0 
0 .101412 .042757 .065405 -.078145 -.166763 .044255 0 0
lstm back last .129396 .015137 .421204 .0212 .146411 -.164419 .462843 -.372349 .101412 .042757 .29589 
.078577
lstm back x -.382892 .293281 .168205 -.240954 .064937 .026956 -.037332 .060285 -.028631 -.024361 .001191 
-.133862 -.153398 .316112 .104127 0 0 0 0 0 0 0 0 0 -.391323 .183325 .06169 -.036699 .11662 -.012978 
-.07626 .006162 -.107414 0 0 0
lstm back w .052574 -.324377 -.128077 -.019412 .076507 -.172309 -.043617 -.076327 -.003702 .241107 
-.00901 -.028624 .106941 .00488 .002452 .065566 -.247323 .117256 .016764 .181198 -.133863 -.258842 
-.067226 .089283 -.030522 .05624 -.043937 .058051 .269099 .08094 -.044709 .033833 .178066 -.164067 
.027302 -.099086 .098139 .293954 .025136 -.096823
lstm back b .736331 -.009094 -.043276 -.073158 1.804755 2.261408 -.035183 -.02502
lstm back s -.183443 .144016 .219623 .095469 .065147 .181023 .482116 .674843 -.137716 .145221 .261269 
.119398
gru forth y .578312 .076955 .265509 .303679 .149444 .452234 -.085555 .15376 -.315279 .108806 0 0 0 0 0 0 
-.161222 .581996 -.218513 .198509 .103728 -.186592 0 0
gru forth last -.085555 .15376 -.315279 .108806 .103728 -.186592
gru forth x -.251865 .273023 -.178624 -.374009 .03091 .016123 -.083263 -.23698 .152026 -.572215 -.335044 
.082525 -.493192 .078823 -.295374 0 0 0 0 0 0 0 0 0 -.104459 .03904 -.046743 .005731 -.362557 .333878 
-.314443 -.441354 .027698 0 0 0
gru forth w -.174576 .011452 .003098 .182274 .872267 .488356 -.073454 -.014412 .163917 -.080631 .353952 
-.183912 .10686 .031511 -.320166 -.095087 -.438739 -.139562 .024461 .086383 .159791 -.14456 -.068822 
.06605 -.185735 .026715 .089237 .106684 .537858 .164018
gru forth b -.43743 .197175 .076655 .303075 2.188736 2.439989 1.246524 .813341
gru forth s -.089692 .490911 .388163 .805512 .010177 .124882
gru back y .270639 .09075 .00563 .362401 .094115 .311408 .107207 -.018081 -.315279 .108806 0 0 0 0 0 0 
.036208 .289539 -.02602 -.099752 .024139 -.021402 0 0
gru back last .270639 .09075 -.315279 .108806 .036208 .289539
gru back x -.580207 .149544 -.275526 -.626519 .171529 -.165627 -.086629 -.100309 .057452 -.28907 
-.287986 .207517 -.493192 .078823 -.295374 0 0 0 0 0 0 0 0 0 -.718271 .075903 .035298 -.070652 -.144452 
.074201 .007856 -.29208 .169087 0 0 0
gru back w -.094535 -.043926 .130642 .264165 .542473 -.391176 -.007078 .013196 .063062 -.221853 .110183 
.179586 .027523 .006057 -.173439 -.05959 -.341414 -.569123 -.033704 .010062 .198976 -.098056 .225141 
-.069015 -.066922 .044163 -.080543 .127413 .142883 .230871
gru back b -.282452 .204626 .088564 .000048 1.698919 3.450878 .982871 1.032635
gru back s .235274 -.160744 .388163 .805512 .456219 -.218473
";

const LENGTHS: [u32; 3] = [4, 1, 3];

/// The numbers of one entry of `TORCH`.
fn torch(kind: &str, reversed: bool, what: &str) -> Vec<f32> {
    let direction = if reversed { "back" } else { "forth" };
    let mut words = TORCH.split_whitespace().peekable();
    while let Some(word) = words.next() {
        if word == kind && words.next() == Some(direction) && words.next() == Some(what) {
            return std::iter::from_fn(|| words.next_if(|word| word.parse::<f32>().is_ok()))
                .map(|word| word.parse().unwrap())
                .collect();
        }
    }
    panic!("{kind} {direction} {what}");
}

fn numbers(shape: &[usize], salt: usize) -> Var {
    let count = shape.iter().product();
    let values: Vec<f32> =
        (0..count).map(|i: usize| ((i * 37 + salt * 11) % 23) as f32 / 16.0 - 0.7).collect();
    Var::from_tensor(&Tensor::from_vec(values, shape, &Device::Cpu).unwrap()).unwrap()
}

fn check_against_torch<C: RecurrentCell>() {
    for reversed in [false, true] {
        let x = numbers(&[3, 4, 3], 1);
        let weight = numbers(&[5, C::GATES * 2], 2);
        let bias = numbers(&[8], 3);
        let initial = numbers(&[3, C::STATE * 2], 4);
        let traversal = SequenceOptions { lengths: Some(&LENGTHS), reversed };
        let fused = recur::<C>(&x, &weight, &bias, Some(&initial), traversal, true).unwrap();
        let reference = composed::<C>(&x, &weight, &bias, Some(&initial), traversal).unwrap();
        for (y, last) in [(fused.0, fused.1.unwrap()), reference] {
            let expect = |what: &str, found: &Tensor| {
                let expected = torch(C::NAME, reversed, what);
                let expected = Tensor::from_vec(expected, found.dims(), &Device::Cpu).unwrap();
                near(&format!("{} {reversed} {what}", C::NAME), found, &expected, 2e-6);
            };
            expect("y", &y);
            expect("last", &last);
            let factors = (0..24).map(|i| ((i * 7 % 11) as f32 - 4.5) / 5.0).collect::<Vec<_>>();
            let factors = Tensor::from_vec(factors, (3, 4, 2), &Device::Cpu).unwrap();
            let sum = ((y * factors).unwrap().sum_all().unwrap() + last.sum_all().unwrap()).unwrap();
            let gradients = sum.backward().unwrap();
            for (what, input) in [("x", &x), ("w", &weight), ("b", &bias), ("s", &initial)] {
                expect(what, gradients.get(input).unwrap());
            }
        }
    }
}

#[test]
fn agrees_with_torch() {
    check_against_torch::<LstmCell>();
    check_against_torch::<GruCell>();
}

/// The variables of a recurrence: x, weight, bias, initial state.
fn variables<C: RecurrentCell>(batch: usize, time: usize, width: usize, units: usize) -> [Var; 4] {
    let small = |shape: &[usize], salt| {
        let wide = variable(shape, salt);
        Var::from_tensor(&(wide.as_tensor().detach() * 0.2).unwrap()).unwrap()
    };
    [
        variable(&[batch, time, width], 1),
        small(&[width + units, C::GATES * units], 2),
        small(&[4 * units], 3),
        variable(&[batch, C::STATE * units], 4),
    ]
}

/// Output and last state as one flat tensor.
fn joined((y, last): (Tensor, Option<Tensor>)) -> Result<Tensor> {
    match last {
        Some(last) => Tensor::cat(&[y.flatten_all()?, last.flatten_all()?], 0),
        None => y.flatten_all(),
    }
}

fn check_against_composed<C: RecurrentCell>() {
    let sizes: [(usize, usize, usize, usize, Option<&[u32]>); 4] = [
        (1, 1, 1, 1, None),
        (2, 5, 3, 17, Some(&[5, 2])),
        (5, 20, 7, 40, Some(&[3, 20, 16, 17, 1])),
        (9, 33, 33, 130, None),
    ];
    for (batch, time, width, units, lengths) in sizes {
        let variables = variables::<C>(batch, time, width, units);
        for reversed in [false, true] {
            let traversal = SequenceOptions { lengths, reversed };
            check_against(
                &variables,
                1e-4,
                |v| joined(recur::<C>(&v[0], &v[1], &v[2], Some(&v[3]), traversal, true)?),
                |v| {
                    let (y, last) = composed::<C>(&v[0], &v[1], &v[2], Some(&v[3]), traversal)?;
                    joined((y, Some(last)))
                },
            );
            check_against(
                &variables[..3],
                1e-4,
                |v| Ok(recur::<C>(&v[0], &v[1], &v[2], None, traversal, false)?.0),
                |v| Ok(composed::<C>(&v[0], &v[1], &v[2], None, traversal)?.0),
            );
        }
    }
}

#[test]
fn agrees_with_its_composed_form() {
    check_against_composed::<LstmCell>();
    check_against_composed::<GruCell>();
}

/// The bits of all outputs and gradients.
fn bits<C: RecurrentCell>(variables: &[Var; 4], traversal: SequenceOptions) -> Vec<u32> {
    let [x, weight, bias, initial] = variables;
    let y = recur::<C>(x, weight, bias, Some(initial), traversal, true).unwrap();
    let y = joined(y).unwrap();
    let gradients = y.sqr().unwrap().sum_all().unwrap().backward().unwrap();
    let mut all = host(&y).unwrap();
    variables.iter().for_each(|v| all.extend(host(gradients.get(v).unwrap()).unwrap()));
    all.into_iter().map(f32::to_bits).collect()
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    let lengths = [30, 7, 30, 21, 1];
    let bits_with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            [
                bits::<LstmCell>(
                    &variables::<LstmCell>(5, 30, 20, 64),
                    SequenceOptions { lengths: Some(&lengths), reversed: false },
                ),
                bits::<GruCell>(
                    &variables::<GruCell>(5, 30, 20, 64),
                    SequenceOptions { lengths: None, reversed: true },
                ),
            ]
        })
    };
    let one = bits_with(1);
    assert!(one == bits_with(2) && one == bits_with(3));
}

fn check_nan_padding<C: RecurrentCell>() {
    let lengths = [3, 6];
    for reversed in [false, true] {
        let traversal = SequenceOptions { lengths: Some(&lengths), reversed };
        let [x, weight, bias, initial] = variables::<C>(2, 6, 3, 5);
        let mut values = host(&x).unwrap();
        let clean = bits::<C>(&[x, weight.clone(), bias.clone(), initial.clone()], traversal);
        values[9..18].fill(f32::NAN);
        let x = Var::from_tensor(&Tensor::from_vec(values, (2, 6, 3), &Device::Cpu).unwrap()).unwrap();
        assert_eq!(clean, bits::<C>(&[x, weight, bias, initial], traversal));
    }
}

#[test]
fn padding_is_not_read() {
    check_nan_padding::<LstmCell>();
    check_nan_padding::<GruCell>();
}

fn check_finite_differences<C: RecurrentCell>() {
    let variables = variables::<C>(2, 4, 3, 3);
    let traversal = SequenceOptions { lengths: Some(&[4, 2]), reversed: false };
    let loss = |v: &[Tensor]| {
        let y = recur::<C>(&v[0], &v[1], &v[2], Some(&v[3]), traversal, true).unwrap();
        joined(y).unwrap().sqr().unwrap().sum_all().unwrap()
    };
    let tensors: Vec<Tensor> = variables.iter().map(|v| v.as_tensor().clone()).collect();
    let gradients = loss(&tensors).backward().unwrap();
    for (which, variable) in variables.iter().enumerate() {
        let gradient = host(gradients.get(variable).unwrap()).unwrap();
        for at in (0..gradient.len()).step_by(3) {
            let moved = |by: f32| {
                let mut values = host(variable).unwrap();
                values[at] += by;
                let mut tensors = tensors.clone();
                tensors[which] = Tensor::from_vec(values, variable.dims(), &Device::Cpu).unwrap();
                loss(&tensors).to_scalar::<f32>().unwrap()
            };
            let slope = (moved(1e-2) - moved(-1e-2)) / 2e-2;
            let result = gradient[at];
            assert!(
                (slope - result).abs() < 4e-3 * result.abs().max(1.0),
                "{which} {at}: {slope} and {result}"
            );
        }
    }
}

#[test]
fn gradients_agree_with_finite_differences() {
    check_finite_differences::<LstmCell>();
    check_finite_differences::<GruCell>();
}

#[test]
fn a_second_backward_pass_returns_the_same_gradient() {
    let variables = variables::<LstmCell>(2, 4, 3, 3);
    let [x, weight, bias, _] = &variables;
    let y = recur::<LstmCell>(x, weight, bias, None, SequenceOptions::default(), false)
        .unwrap()
        .0
        .sum_all()
        .unwrap();
    let (one, other) = (y.backward().unwrap(), y.backward().unwrap());
    near("weight", one.get(weight).unwrap(), other.get(weight).unwrap(), 0.0);
}

#[test]
fn wrong_lengths_and_states_are_refused() {
    let [x, weight, bias, initial] = variables::<GruCell>(2, 4, 3, 3);
    let refused = |lengths: &[u32], initial: &Tensor| {
        let traversal = SequenceOptions { lengths: Some(lengths), reversed: false };
        recur::<GruCell>(&x, &weight, &bias, Some(initial), traversal, false).unwrap_err().to_string()
    };
    assert!(refused(&[4, 5], &initial).contains("expected 2 lengths from 1 to 4, found [4, 5]"));
    assert!(refused(&[4], &initial).contains("expected 2 lengths"));
    assert!(refused(&[4, 0], &initial).contains("expected 2 lengths"));
    assert!(refused(&[4, 4], &x).contains("expected an initial state of shape [2, 3], found [2, 4, 3]"));
}

fn print_times<C: RecurrentCell>() {
    let [x, weight, bias, _] = variables::<C>(32, 500, 128, 128);
    let mut best = (f64::MAX, f64::MAX);
    for _ in 0..12 {
        let start = std::time::Instant::now();
        let y = recur::<C>(&x, &weight, &bias, None, SequenceOptions::default(), false).unwrap().0;
        let forward = start.elapsed().as_secs_f64() * 1e3;
        let gradients = y.backward().unwrap();
        let both = start.elapsed().as_secs_f64() * 1e3;
        assert!(gradients.get(&weight).is_some());
        best = (best.0.min(forward), best.1.min(both));
    }
    println!("{} 32 x 500 x 128: forward {:.1} ms, with backward {:.1} ms", C::NAME, best.0, best.1);
}

/// cargo test --release recurrence::tests::speed -- --ignored --nocapture
#[test]
#[ignore = "prints times"]
fn speed() {
    print_times::<LstmCell>();
    print_times::<GruCell>();
}
