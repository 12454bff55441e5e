// Who a letter is from, in plain words; loaded with the first letter that is opened. `en.ts` is typed by this file.

export const vi = {
  badge: {
    inside: 'Trong hệ thống',
    state: 'Đã xác minh .gov.vn',
    outside: 'Bên ngoài, đã xác minh',
    forged: 'Giả mạo địa chỉ nội bộ',
    failed: 'Có dấu hiệu giả mạo',
    unproved: 'Bên ngoài, chưa xác minh',
    weak: 'Có lẽ đúng nơi gửi',
    unchecked: 'Chưa kiểm tra nguồn gốc',
  },
  open: 'Xem vì sao',
  title: 'Thư này có đúng của người gửi không?',
  why: {
    inside: (domain: string) => `Người gửi đã đăng nhập bằng tài khoản của mình tại ${domain}.`,
    state: (domain: string) => `Thư đúng là do ${domain}, tên miền của cơ quan nhà nước, gửi đi.`,
    outside: (domain: string) => `Thư đúng là do ${domain} gửi đi. Đây là tên miền ngoài hệ thống cơ quan nhà nước.`,
    forged: (domain: string) => `Thư ghi người gửi ở ${domain}, tên miền của chính hệ thống này, nhưng đến từ bên ngoài và không chứng minh được điều đó.`,
    failed: (domain: string) => `${domain} không nhận thư này là của mình: máy chủ gửi và chữ ký đều không đúng.`,
    weak: (domain: string) => `Chữ ký hoặc máy chủ gửi thư khớp với ${domain}, nhưng tên miền này chưa công bố (DMARC) thư nào mới là của mình, nên chưa chắc hẳn.`,
    unchecked: (domain: string) => `Máy chủ này chưa kiểm tra, hoặc không hỏi được, thư có đúng do ${domain} gửi hay không. Thư chép từ hệ thống cũ hoặc do máy chủ tin cậy chuyển đến thường như vậy.`,
    unproved: (domain: string) => `Không có bằng chứng rằng thư do ${domain} gửi. Người gửi có thể đúng, cũng có thể không.`,
  },
  noDomain: 'người gửi',
  advice: 'Đừng mở tệp, bấm liên kết, chuyển tiền hay trả lời theo thư này. Hãy gọi điện hỏi lại người gửi theo số bạn đã biết.',
  came: (host: string) => `Máy chủ đưa thư đến: ${host}`,
  like: (domain: string, own: string) => `Tên miền ${domain} gần giống ${own} nhưng là tên miền khác.`,
  named: (said: string, real: string) => `Tên người gửi ghi “${said}”, còn địa chỉ thật là ${real}.`,
  answers: (to: string) => `Nếu trả lời, thư sẽ đến ${to}, không phải tên miền của người gửi.`,
  checks: 'Máy chủ đã kiểm tra',
  unchecked: 'Máy chủ chưa kiểm tra nguồn gốc của thư này.',
};

export type TrustTexts = typeof vi;
